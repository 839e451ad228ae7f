use std::borrow::Cow;
use std::collections::HashMap;

use bulkhead_events::GatewayResponse;
use serde::Serialize;

/// A response.
#[derive(Debug)]
pub struct ApiResponse {
    status: u16,
    body: Option<String>,
    headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl ApiResponse {
    /// Returns a response with a JSON body.
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { status, body: Some(body), headers: vec![] },
            Err(error) => {
                tracing::error!(%error, "response not serializable");
                Self { status: 500, body: None, headers: vec![] }
            }
        }
    }

    /// Returns a response whose body is JSON text.
    pub fn json_text(status: u16, body: &'static str) -> Self {
        Self { status, body: Some(body.to_owned()), headers: vec![] }
    }

    /// Returns a 200 response with CSV as of RFC 4180.
    pub fn csv(body: String) -> Self {
        let headers = vec![("content-type", Cow::Borrowed("text/csv; charset=utf-8; header=present"))];
        Self { status: 200, body: Some(body), headers }
    }

    /// Returns a 204 response.
    pub fn no_content() -> Self {
        Self { status: 204, body: None, headers: vec![] }
    }

    /// Returns the response with another status.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Returns the body.
    pub(super) fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// Sets a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Adds the common headers: no caching, the request id, and access for browsers of `cors_origin` only.
    pub(super) fn complete(self, request_id: &str, cors_origin: Option<&str>) -> GatewayResponse {
        let mut headers = HashMap::from([
            ("cache-control", "no-store".to_owned()),
            ("x-request-id", request_id.to_owned()),
        ]);
        if self.status != 204 {
            headers.insert("content-type", "application/json".to_owned());
        }
        if let Some(origin) = cors_origin {
            headers.insert("access-control-allow-origin", origin.to_owned());
            headers.insert(
                "access-control-expose-headers",
                "etag, ratelimit, ratelimit-policy, retry-after, x-request-id".to_owned(),
            );
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
