//! The Runtime API, as a function's process sees it.
//!
//! Each environment has a port of its own, so a process can only ever be asked about its
//! own invocations. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;

use crate::body::{AnyBody, Broken, Pump, whole};
use crate::desk::{Desk, Event, Next, Progress};
use crate::ending;
use crate::environment::Process;

const PREFIX: &str = "/2018-06-01/runtime/";
/// Largest answer that is not streamed, bytes.
pub(crate) const MAX_ANSWER: usize = 6 * 1024 * 1024 + 100;

pub(crate) async fn answer(
    desk: Arc<Desk>,
    process: Arc<Process>,
    request: Request<Incoming>,
) -> Response<AnyBody> {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix(PREFIX) else { return unknown(&path) };
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&desk, &process).await,
        (&Method::POST, ["invocation", id, "response"]) => response(&desk, id, request).await,
        (&Method::POST, ["invocation", id, "error"]) => error(&desk, id, request).await,
        (&Method::POST, ["init", "error"]) => init_error(&desk, request).await,
        _ => unknown(path),
    }
}

/// Hands the next event over. A process that asks when there is none is frozen until
/// there is, as Lambda freezes an environment.
async fn next(desk: &Desk, process: &Process) -> Response<AnyBody> {
    let event = match desk.next() {
        Next::Now(event) => event,
        Next::Later(later) => {
            process.freeze();
            match later.await {
                Ok(event) => event,
                Err(_) => return status(StatusCode::GONE, "InvalidStateTransition", "asked again meanwhile"),
            }
        }
    };
    match headers(&event) {
        Ok(headers) => {
            desk.delivered(&event);
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

async fn response(desk: &Desk, id: &str, request: Request<Incoming>) -> Response<AnyBody> {
    let mode = request.headers().get("lambda-runtime-function-response-mode");
    if mode.is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming")) {
        return streamed(desk, id, request.into_body()).await;
    }
    match collect(request.into_body()).await {
        Ok(body) => told(desk.tell(id, Progress::Answered(body))),
        Err(Unread::TooLarge) => {
            let text =
                format!("Response payload size exceeded maximum allowed payload size ({MAX_ANSWER} bytes).");
            desk.tell(id, Progress::Failed(ending::failure("Function.ResponseSizeTooLarge", &text)));
            status(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text)
        }
        Err(Unread::Broken) => broken(),
    }
}

/// Passes an answer on as it comes. Its trailers say if it failed half-way.
async fn streamed(desk: &Desk, id: &str, mut body: Incoming) -> Response<AnyBody> {
    let (mut pump, stream) = Pump::new();
    if !desk.tell(id, Progress::Streaming(stream)) {
        return told(false);
    }
    let mut failed = None;
    while let Some(frame) = body.frame().await {
        // A process that died: dropping the pump breaks the caller's stream, and the
        // invocation learns of it from the process's end.
        let Ok(frame) = frame else { return broken() };
        match frame.into_data() {
            Ok(chunk) => pump.chunk(chunk).await,
            Err(frame) => failed = frame.trailers_ref().and_then(failure),
        }
    }
    match failed {
        Some(failed) => pump.break_off(failed),
        None => pump.end(),
    }
    told(desk.tell(id, Progress::Finished))
}

fn failure(trailers: &HeaderMap) -> Option<Broken> {
    let text = |name| {
        trailers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let kind = text("lambda-runtime-function-error-type")?;
    Some(Broken { kind, message: text("lambda-runtime-function-error-body").unwrap_or_default() })
}

async fn error(desk: &Desk, id: &str, request: Request<Incoming>) -> Response<AnyBody> {
    match collect(request.into_body()).await {
        Ok(body) => told(desk.tell(id, Progress::Failed(body))),
        Err(_) => broken(),
    }
}

async fn init_error(desk: &Desk, request: Request<Incoming>) -> Response<AnyBody> {
    match collect(request.into_body()).await {
        Ok(body) => {
            desk.init_failed(body);
            told(true)
        }
        Err(_) => broken(),
    }
}

enum Unread {
    TooLarge,
    Broken,
}

async fn collect(body: Incoming) -> Result<Bytes, Unread> {
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::Broken),
    }
}

fn told(known: bool) -> Response<AnyBody> {
    if known {
        let mut response = Response::new(whole(r#"{"status":"OK"}"#));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    } else {
        status(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
    }
}

fn broken() -> Response<AnyBody> {
    status(StatusCode::BAD_REQUEST, "InvalidRequest", "the body broke off")
}

fn unknown(path: &str) -> Response<AnyBody> {
    status(StatusCode::NOT_FOUND, "NotFound", &format!("the Runtime API has no {path}"))
}

fn status(status: StatusCode, kind: &str, message: &str) -> Response<AnyBody> {
    let body = json!({"errorType": kind, "errorMessage": message}).to_string();
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    response
}
