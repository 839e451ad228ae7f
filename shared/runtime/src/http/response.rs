use std::borrow::Cow;
use std::collections::HashMap;

use bulkhead_events::GatewayResponse;
use bulkhead_stores::KeptAnswer;
use serde::Serialize;

/// Headers that a browser's scripts may read.
const EXPOSED: &str = "etag, idempotency-replayed, ratelimit, ratelimit-policy, retry-after, x-request-id";

/// A response.
#[derive(Debug, Clone)]
pub struct ApiResponse {
    status: u16,
    body: Option<String>,
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    is_shown_once: bool,
}

impl ApiResponse {
    /// Returns a response with a JSON body.
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self::new(status, Some(body)),
            Err(error) => {
                tracing::error!(%error, "response not serializable");
                Self::new(500, None)
            }
        }
    }

    /// Returns a response whose body is JSON text.
    pub fn json_text(status: u16, body: &'static str) -> Self {
        Self::new(status, Some(body.to_owned()))
    }

    /// Returns a 200 response with CSV as of RFC 4180.
    pub fn csv(body: String) -> Self {
        let text = "text/csv; charset=utf-8; header=present";
        Self { headers: vec![("content-type".into(), text.into())], ..Self::new(200, Some(body)) }
    }

    /// Returns a 204 response.
    pub fn no_content() -> Self {
        Self::new(204, None)
    }

    /// Returns the answer that an earlier request got.
    pub(super) fn repeated(KeptAnswer { status, headers, body }: KeptAnswer) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { headers, ..Self::new(status, body) }
    }

    fn new(status: u16, body: Option<String>) -> Self {
        Self { status, body, headers: vec![], is_shown_once: false }
    }

    /// Returns the response as one that contains a secret: it is stored nowhere.
    #[must_use]
    pub fn shown_once(self) -> Self {
        Self { is_shown_once: true, ..self }
    }

    /// Returns the answer that a repeated request gets; `None` if it must not be stored.
    pub(super) fn kept(&self) -> Option<KeptAnswer> {
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let kept = || KeptAnswer { status: self.status, headers: headers.collect(), body: self.body.clone() };
        (!self.is_shown_once).then(kept)
    }

    /// Returns the response with another status.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Adds to the end of the body.
    pub(super) fn extend_body(&mut self, part: &str) {
        self.body.get_or_insert_default().push_str(part);
    }

    /// Returns the body.
    pub(super) fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// Sets a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Adds the common headers: no caching, the request id, and access for browsers of `cors_origin` only.
    pub(super) fn complete(self, request_id: &str, cors_origin: Option<&str>) -> GatewayResponse {
        let mut headers = HashMap::from([
            ("cache-control".into(), "no-store".to_owned()),
            ("x-request-id".into(), request_id.to_owned()),
        ]);
        if self.status != 204 {
            headers.insert("content-type".into(), "application/json".to_owned());
        }
        if let Some(origin) = cors_origin {
            headers.insert("access-control-allow-origin".into(), origin.to_owned());
            headers.insert("access-control-expose-headers".into(), EXPOSED.to_owned());
        }
        headers.extend(self.headers.into_iter().map(|(name, value)| (name, value.into_owned())));
        GatewayResponse {
            status_code: self.status,
            headers,
            body: self.body.unwrap_or_default(),
            is_base64_encoded: false,
        }
    }
}
