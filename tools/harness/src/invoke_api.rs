//! The Invoke API and the harness's own routes.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::body::{ResponseBody, Streamed, whole};
use crate::exit;
use crate::function::Function;
use crate::handover::Event;
use crate::harness::{Harness, Kill};
use crate::invocation::{self, Reply};
use crate::refusal::Refusal;

const MAX_EVENT: usize = 6 * 1024 * 1024;
const TENANT: &str = "x-amz-tenant-id";
const MISROUTE: &str = "x-harness-misroute";

/// The response mode that the caller requested.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Whole,
    /// Streamed without the SDK's event frames, as API Gateway passes it on.
    Streamed,
}

pub(crate) async fn answer(harness: Arc<Harness>, request: Request<Incoming>) -> Response<ResponseBody> {
    let answered = route(&harness, request).await;
    answered.unwrap_or_else(|refusal| refusal.response())
}

async fn route(
    harness: &Arc<Harness>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Refusal> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (&head.method, path.as_slice()) {
        (&Method::POST, ["2015-03-31", "functions", name, "invocations"]) => {
            invoke(harness, name, Mode::Whole, &head, body).await
        }
        (&Method::POST, ["2021-11-15", "functions", name, "response-streaming-invocations"]) => {
            invoke(harness, name, Mode::Streamed, &head, body).await
        }
        (&Method::GET, ["_harness", "status"]) => json_response(&harness.status()),
        (&Method::POST, ["_harness", "kill"]) => {
            let kill: Kill = from_json(body).await?;
            json_response(&json!({"killed": harness.kill(&kill)}))
        }
        (&Method::POST, ["_harness", "chaos"]) => {
            let Odds { probability, within_ms } = from_json(body).await?;
            harness.chaos.set(probability, Duration::from_millis(within_ms));
            json_response(&json!({"seed": harness.chaos.seed()}))
        }
        _ => Err(Refusal::NoSuchRoute),
    }
}

/// A request to set the kill probability of later invocations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Odds {
    probability: f64,
    within_ms: u64,
}

async fn invoke(
    harness: &Arc<Harness>,
    name: &str,
    mode: Mode,
    head: &Parts,
    body: Incoming,
) -> Result<Response<ResponseBody>, Refusal> {
    let function = harness.function(&decoded(name))?;
    match text(&head.headers, "x-amz-invocation-type") {
        None | Some("RequestResponse") => {}
        Some(other) => return Err(Refusal::InvocationType(other.to_owned())),
    }
    let payload = read(body).await?;
    serde_json::from_slice::<serde::de::IgnoredAny>(&payload).map_err(|_| Refusal::NotJson)?;
    let tenant = match head.headers.get(TENANT).map(HeaderValue::to_str) {
        Some(Err(_)) => return Err(Refusal::TenantMalformed),
        Some(Ok(tenant)) => Some(tenant),
        None => None,
    };
    let misroute = misroute(harness, &head.headers)?;
    let lease = function.take(tenant, misroute)?;
    let pid = lease.environment.process.pid();
    let event = event(function, tenant, payload);
    let request_id = event.request_id.clone();
    let (sender, reply) = oneshot::channel();
    // A separate task, so that a disconnected caller does not end the invocation.
    tokio::spawn(invocation::run(lease, event, harness.chaos.kill_delay(), sender));
    let reply = reply.await.unwrap_or_else(|_| {
        Reply::Failed(exit::failure("HarnessError", "the invocation ended without a reply"))
    });
    let (failed, body) = match (reply, mode) {
        (Reply::Answered(body), _) => (false, whole(body)),
        (Reply::Failed(body), _) => (true, whole(body)),
        (Reply::Streaming(stream), Mode::Streamed) => (false, Either::Right(stream)),
        (Reply::Streaming(stream), Mode::Whole) => collected(stream).await,
    };
    Ok(answered(&request_id, pid, failed, body))
}

fn event(function: &Function, tenant: Option<&str>, payload: Bytes) -> Event {
    let id = Uuid::now_v7();
    let trace = id.simple().to_string();
    let (time, rest) = trace.split_at(8);
    Event {
        request_id: id.hyphenated().to_string(),
        tenant: tenant.map(str::to_owned),
        arn: function.arn.clone(),
        trace_id: format!("Root=1-{time}-{rest};Sampled=0"),
        timeout: function.config.timeout(),
        payload,
    }
}

/// Returns the process id to misroute this call to, if the caller requests it.
fn misroute(harness: &Harness, headers: &HeaderMap) -> Result<Option<i32>, Refusal> {
    let Some(pid) = text(headers, MISROUTE) else { return Ok(None) };
    if !harness.misroute {
        return Err(Refusal::Misroute("the configuration does not allow `X-Harness-Misroute`"));
    }
    pid.parse().map(Some).map_err(|_| Refusal::Misroute("`X-Harness-Misroute` must be a process id"))
}

/// Collects a streamed response for a caller that did not request streaming.
async fn collected(stream: Streamed) -> (bool, ResponseBody) {
    match stream.collect().await {
        Ok(collected) => (false, whole(collected.to_bytes())),
        Err(broken) => (true, whole(exit::failure(&broken.kind, &broken.message))),
    }
}

fn answered(request_id: &str, pid: i32, failed: bool, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", "application/json");
    set("x-amzn-requestid", request_id);
    set("x-amz-executed-version", "$LATEST");
    set("x-harness-pid", &pid.to_string());
    if failed {
        set("x-amz-function-error", "Unhandled");
    }
    response
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let read = Limited::new(body, MAX_EVENT).collect().await;
    Ok(read.map_err(|_| Refusal::TooLarge)?.to_bytes())
}

async fn from_json<T: for<'de> Deserialize<'de>>(body: Incoming) -> Result<T, Refusal> {
    serde_json::from_slice(&read(body).await?).map_err(|_| Refusal::NotJson)
}

fn json_response(value: &impl serde::Serialize) -> Result<Response<ResponseBody>, Refusal> {
    let body = serde_json::to_vec(value).map_err(|_| Refusal::NotJson)?;
    let mut response = Response::new(whole(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    Ok(response)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Decodes a function name from a path. SDKs encode only the colons of an ARN.
fn decoded(name: &str) -> String {
    name.replace("%3A", ":").replace("%3a", ":")
}
