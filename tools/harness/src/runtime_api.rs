//! The Runtime API for a function's process.
//!
//! Each environment has its own port, so a process can only access its own invocations. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;

use crate::body::{Broken, Pump, ResponseBody, whole};
use crate::exit;
use crate::handover::{Event, Handover, Next, Progress};
use crate::process::Process;

const PREFIX: &str = "/2018-06-01/runtime/";
/// Maximum size of a response that is not streamed, in bytes.
pub(crate) const MAX_RESPONSE: usize = 6 * 1024 * 1024 + 100;

pub(crate) async fn answer(
    handover: Arc<Handover>,
    process: Arc<Process>,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix(PREFIX) else { return unknown(&path) };
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&handover, &process).await,
        (&Method::POST, ["invocation", id, "response"]) => response(&handover, id, request).await,
        (&Method::POST, ["invocation", id, "error"]) => error(&handover, id, request).await,
        (&Method::POST, ["init", "error"]) => init_error(&handover, request).await,
        _ => unknown(path),
    }
}

/// Answers with the next event. Freezes the process until there is one, as Lambda does.
async fn next(handover: &Handover, process: &Process) -> Response<ResponseBody> {
    let event = match handover.next() {
        Next::Now(event) => event,
        Next::Later(later) => {
            process.freeze();
            match later.await {
                Ok(event) => event,
                Err(_) => {
                    return status(StatusCode::GONE, "InvalidStateTransition", "replaced by a later request");
                }
            }
        }
    };
    match headers(&event) {
        Ok(headers) => {
            handover.delivered(&event);
            let mut response = Response::new(whole(event.payload));
            *response.headers_mut() = headers;
            response
        }
        Err(error) => status(StatusCode::INTERNAL_SERVER_ERROR, "HarnessHeader", &error.to_string()),
    }
}

fn headers(event: &Event) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("lambda-runtime-aws-request-id", event.request_id.parse()?);
    headers.insert("lambda-runtime-deadline-ms", event.deadline_ms().to_string().parse()?);
    headers.insert("lambda-runtime-invoked-function-arn", event.arn.parse()?);
    headers.insert("lambda-runtime-trace-id", event.trace_id.parse()?);
    if let Some(tenant) = &event.tenant {
        headers.insert("lambda-runtime-aws-tenant-id", tenant.parse()?);
    }
    Ok(headers)
}

async fn response(handover: &Handover, id: &str, request: Request<Incoming>) -> Response<ResponseBody> {
    let mode = request.headers().get("lambda-runtime-function-response-mode");
    if mode.is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming")) {
        return streamed(handover, id, request.into_body()).await;
    }
    match collect(request.into_body()).await {
        Ok(body) => acknowledge(handover.report(id, Progress::Answered(body))),
        Err(ReadError::TooLarge) => {
            let text = format!(
                "Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            );
            handover.report(id, Progress::Failed(exit::failure("Function.ResponseSizeTooLarge", &text)));
            status(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text)
        }
        Err(ReadError::Broken) => broken(),
    }
}

/// Streams a response to the caller. Its trailers tell whether it failed part-way.
async fn streamed(handover: &Handover, id: &str, mut body: Incoming) -> Response<ResponseBody> {
    let (mut pump, stream) = Pump::new();
    if !handover.report(id, Progress::Streaming(stream)) {
        return acknowledge(false);
    }
    let mut failed = None;
    while let Some(frame) = body.frame().await {
        // The process died. Dropping the pump aborts the caller's stream; the invocation ends
        // with the exit of the process.
        let Ok(frame) = frame else { return broken() };
        match frame.into_data() {
            Ok(chunk) => pump.chunk(chunk).await,
            Err(frame) => failed = frame.trailers_ref().and_then(failure),
        }
    }
    match failed {
        Some(failed) => pump.abort(failed),
        None => pump.end(),
    }
    acknowledge(handover.report(id, Progress::Finished))
}

fn failure(trailers: &HeaderMap) -> Option<Broken> {
    let text = |name| {
        trailers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let kind = text("lambda-runtime-function-error-type")?;
    Some(Broken { kind, message: text("lambda-runtime-function-error-body").unwrap_or_default() })
}

async fn error(handover: &Handover, id: &str, request: Request<Incoming>) -> Response<ResponseBody> {
    match collect(request.into_body()).await {
        Ok(body) => acknowledge(handover.report(id, Progress::Failed(body))),
        Err(_) => broken(),
    }
}

async fn init_error(handover: &Handover, request: Request<Incoming>) -> Response<ResponseBody> {
    match collect(request.into_body()).await {
        Ok(body) => {
            handover.init_failed(body);
            acknowledge(true)
        }
        Err(_) => broken(),
    }
}

enum ReadError {
    TooLarge,
    Broken,
}

async fn collect(body: Incoming) -> Result<Bytes, ReadError> {
    match Limited::new(body, MAX_RESPONSE).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge),
        Err(_) => Err(ReadError::Broken),
    }
}

fn acknowledge(known: bool) -> Response<ResponseBody> {
    if known {
        let mut response = Response::new(whole(r#"{"status":"OK"}"#));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    } else {
        status(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
    }
}

fn broken() -> Response<ResponseBody> {
    status(StatusCode::BAD_REQUEST, "InvalidRequest", "the request body is incomplete")
}

fn unknown(path: &str) -> Response<ResponseBody> {
    status(StatusCode::NOT_FOUND, "NotFound", &format!("the Runtime API has no route `{path}`"))
}

fn status(status: StatusCode, kind: &str, message: &str) -> Response<ResponseBody> {
    let body = json!({"errorType": kind, "errorMessage": message}).to_string();
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    response
}
