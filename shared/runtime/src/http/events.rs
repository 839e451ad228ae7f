//! Answers in parts, as server-sent events.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bulkhead_events::GatewayResponse;
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_runtime::{MetadataPrelude, StreamResponse};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{ApiResponse, Limits};

/// Sends the events of one answer to its client.
///
/// The first event starts the answer with status 200. From then on an error is an event, too.
pub struct Events<'r> {
    parts: UnboundedSender<Part>,
    request_id: &'r str,
    cors_origin: Option<&'r str>,
    limits: &'r Limits,
    started: bool,
    /// Whether events have no names.
    unnamed: bool,
    /// The answer so far, if a repeated request will need it.
    recorded: Option<ApiResponse>,
}

/// A part of an answer.
#[derive(Debug)]
enum Part {
    /// Status and headers. The first part.
    Head(MetadataPrelude),
    /// Bytes of the body.
    Body(String),
}

impl<'r> Events<'r> {
    pub(super) fn new(
        parts: Parts,
        request_id: &'r str,
        cors_origin: Option<&'r str>,
        limits: &'r Limits,
    ) -> Self {
        let (started, unnamed, recorded) = (false, false, None);
        Self { parts: parts.0, request_id, cors_origin, limits, started, unnamed, recorded }
    }

    /// Records the answer from now on.
    pub(super) fn record(&mut self) {
        self.recorded = Some(ApiResponse::no_content());
    }

    /// Returns whether a part of the answer was sent.
    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Returns the recorded answer.
    pub(super) fn recorded(&mut self) -> Option<ApiResponse> {
        self.recorded.take()
    }

    /// Sends an event with `data` as JSON.
    pub fn send<T: Serialize>(&mut self, event: &'static str, data: &T) {
        match serde_json::to_string(data) {
            Ok(data) => self.send_json(event, &data),
            Err(error) => tracing::error!(%error, event, "event not serializable"),
        }
    }

    /// Sends `data` as JSON in an event without a name, as OpenAI's interface does.
    pub fn data<T: Serialize>(&mut self, data: &T) {
        self.unnamed = true;
        match serde_json::to_string(data) {
            Ok(data) => self.send_unnamed(&data),
            Err(error) => tracing::error!(%error, "event not serializable"),
        }
    }

    /// Ends a stream of unnamed events, as OpenAI's interface does.
    pub fn done(&mut self) {
        self.send_unnamed("[DONE]");
    }

    /// Sends the answer as a whole.
    pub fn whole(&mut self, response: ApiResponse) {
        self.start(response);
    }

    /// Ends the answer with an error: an event if the answer started, otherwise the whole answer.
    pub(super) fn fail(&mut self, response: ApiResponse) {
        let problem = response.body().unwrap_or("{}");
        match self.started {
            true if self.unnamed => self.send_unnamed(&format!("{{\"error\":{problem}}}")),
            true => self.send_json("error", problem),
            false => self.start(response),
        }
    }

    /// `data` is one line, because JSON has no raw line breaks.
    fn send_json(&mut self, event: &'static str, data: &str) {
        self.start_events();
        self.push_event(format!("event: {event}\ndata: {data}\n\n"));
    }

    fn send_unnamed(&mut self, data: &str) {
        self.start_events();
        self.push_event(format!("data: {data}\n\n"));
    }

    fn push_event(&mut self, event: String) {
        if let Some(recorded) = &mut self.recorded {
            recorded.extend_body(&event);
        }
        self.push(Part::Body(event));
    }

    fn start_events(&mut self) {
        if !self.started {
            let head = ApiResponse::no_content().with_status(200);
            self.start(head.with_header("content-type", "text/event-stream"));
        }
    }

    fn start(&mut self, response: ApiResponse) {
        self.started = true;
        if let Some(recorded) = &mut self.recorded {
            recorded.clone_from(&response);
        }
        let GatewayResponse { status_code, headers, body, .. } =
            self.limits.on(response).complete(self.request_id, self.cors_origin);
        let header = |(name, value): (Cow<'static, str>, String)| {
            Some((HeaderName::try_from(&*name).ok()?, HeaderValue::from_str(&value).ok()?))
        };
        self.push(Part::Head(MetadataPrelude {
            status_code: StatusCode::from_u16(status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: headers.into_iter().filter_map(header).collect::<HeaderMap>(),
            cookies: vec![],
        }));
        if !body.is_empty() {
            self.push(Part::Body(body));
        }
    }

    fn push(&self, part: Part) {
        // The receiver is part of the stream that drives this sender, so it exists.
        let _ = self.parts.send(part);
    }
}

/// Where the parts of an answer go.
pub(super) struct Parts(UnboundedSender<Part>);

/// The work on one answer. It runs while its parts are read, in no separate task: the work borrows its tenant's
/// scope, which no task can hold.
pub(super) struct Streamed {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    parts: UnboundedReceiver<Part>,
}

impl Streamed {
    /// Starts `work`, which sends the parts, and returns the response when its head is known.
    pub(super) async fn start<F>(work: impl FnOnce(Parts) -> F) -> StreamResponse<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, parts) = unbounded_channel();
        let mut streamed = Self { work: Some(Box::pin(work(Parts(sender)))), parts };
        let head = std::future::poll_fn(|context| streamed.poll_part(context)).await;
        let metadata_prelude = match head {
            Some(Part::Head(head)) => head,
            // The work ended without an answer.
            _ => MetadataPrelude {
                status_code: StatusCode::INTERNAL_SERVER_ERROR,
                ..MetadataPrelude::default()
            },
        };
        StreamResponse { metadata_prelude, stream: streamed }
    }

    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Option<Part>> {
        // The work first, because it sends what is read next.
        if let Some(work) = &mut self.work
            && work.as_mut().poll(context).is_ready()
        {
            self.work = None;
        }
        self.parts.poll_recv(context)
    }
}

impl Stream for Streamed {
    type Item = Result<String, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.poll_part(context) {
                Poll::Ready(Some(Part::Body(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Poll::Ready(Some(Part::Head(_))) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;

    async fn answered<F>(work: impl FnOnce(Parts) -> F) -> (u16, Option<String>, Vec<String>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let response = Streamed::start(work).await;
        let head = response.metadata_prelude;
        let kind = head.headers.get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.stream.map(|part| part.expect("no error")).collect::<Vec<_>>().await;
        (head.status_code.as_u16(), kind, body)
    }

    #[tokio::test]
    async fn first_event_starts_the_answer() {
        let (status, kind, body) = answered(|parts| async move {
            let limits = Limits::default();
            let mut events = Events::new(parts, "r1", None, &limits);
            events.send("start", &json!({"id": 1}));
            tokio::task::yield_now().await;
            events.send("delta", &json!({"text": "a\nb"}));
            events.fail(ApiResponse::json(503, &json!({"status": 503})));
        })
        .await;
        assert_eq!((status, kind.as_deref()), (200, Some("text/event-stream")));
        assert_eq!(
            body,
            [
                "event: start\ndata: {\"id\":1}\n\n",
                "event: delta\ndata: {\"text\":\"a\\nb\"}\n\n",
                "event: error\ndata: {\"status\":503}\n\n",
            ]
        );
    }

    #[tokio::test]
    async fn unnamed_events_end_as_openai_ends_them() {
        let (status, _, body) = answered(|parts| async move {
            let limits = Limits::default();
            let mut events = Events::new(parts, "r1", None, &limits);
            events.data(&json!({"n": 1}));
            events.done();
        })
        .await;
        assert_eq!((status, body.join("").as_str()), (200, "data: {\"n\":1}\n\ndata: [DONE]\n\n"));

        let (_, _, body) = answered(|parts| async move {
            let limits = Limits::default();
            let mut events = Events::new(parts, "r1", None, &limits);
            events.data(&json!({}));
            events.fail(ApiResponse::json(503, &json!({"message": "later"})));
        })
        .await;
        assert_eq!(body.last().map(String::as_str), Some("data: {\"error\":{\"message\":\"later\"}}\n\n"));
    }

    #[tokio::test]
    async fn whole_answer_is_no_stream() {
        let (status, kind, body) = answered(|parts| async move {
            Events::new(parts, "r1", None, &Limits::default())
                .whole(ApiResponse::json(200, &json!({"a": 1})));
        })
        .await;
        assert_eq!((status, kind.as_deref()), (200, Some("application/json")));
        assert_eq!(body, ["{\"a\":1}"]);
    }

    #[tokio::test]
    async fn error_before_the_first_event_is_the_answer() {
        let (status, kind, body) = answered(|parts| async move {
            let refused = ApiResponse::json(404, &json!({"status": 404}));
            Events::new(parts, "r1", None, &Limits::default())
                .fail(refused.with_header("content-type", "application/problem+json"));
        })
        .await;
        assert_eq!((status, kind.as_deref()), (404, Some("application/problem+json")));
        assert_eq!(body, ["{\"status\":404}"]);
    }

    #[tokio::test]
    async fn work_without_an_answer_is_a_fault() {
        assert_eq!(answered(|parts| async move { drop(parts) }).await, (500, None, vec![]));
    }

    /// The work is not a task: it ends with its stream.
    #[tokio::test]
    async fn dropped_stream_ends_the_work() {
        let (alive, mut ended) = unbounded_channel::<()>();
        let response = Streamed::start(|parts| async move {
            let _alive = alive;
            Events::new(parts, "r1", None, &Limits::default()).send("start", &json!({}));
            std::future::pending::<()>().await;
        })
        .await;
        assert!(ended.try_recv().is_err_and(|error| error == tokio::sync::mpsc::error::TryRecvError::Empty));
        drop(response);
        assert_eq!(ended.recv().await, None);
    }
}
