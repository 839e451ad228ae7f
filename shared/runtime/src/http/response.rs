use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use lambda_http::{Body, Response};
use serde::Serialize;

/// An answer.
#[derive(Debug)]
pub struct ApiResponse {
    status: u16,
    body: Option<String>,
    headers: Vec<(&'static str, &'static str)>,
}

impl ApiResponse {
    /// An answer with a JSON body.
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { status, body: Some(body), headers: vec![] },
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                Self { status: 500, body: None, headers: vec![] }
            }
        }
    }

    /// An answer whose body is JSON text already.
    pub fn json_text(status: u16, body: &'static str) -> Self {
        Self { status, body: Some(body.to_owned()), headers: vec![] }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: 204, body: None, headers: vec![] }
    }

    /// Sets a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value));
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Completes the answer: never cached, and marked with its request id.
    pub(super) fn into_http(self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(self.body.map_or(Body::Empty, Body::Text));
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if !matches!(self.status, 204) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", id);
        }
        for (name, value) in self.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}
