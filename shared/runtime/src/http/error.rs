use bulkhead_stores::StoreError;
use bulkhead_tenancy::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiResponse;
use crate::chain;
use crate::metrics::{self, Counter};

/// What a client is told when its request fails. Says what to do next, and nothing of
/// other tenants: "not yours" and "not there" are the same answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 400: the request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// 403: the caller is not served here.
    #[error("{0}")]
    Forbidden(String),
    /// 404: this tenant has no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// 405: the resource has no such method.
    #[error("this resource has no such method")]
    MethodNotAllowed,
    /// 409: the state changed meanwhile, or does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// 413: the body is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// 415: the body is not JSON.
    #[error("send the body as application/json")]
    UnsupportedMediaType,
    /// 422: the request is well formed and cannot be carried out.
    #[error("{0}")]
    Unprocessable(String),
    /// 503: try again.
    #[error("the service is busy; try again shortly")]
    Unavailable,
    /// 503: the tenant's own key is out of use.
    #[error("your key cannot be used: it is disabled or being deleted; ask your operator to enable it again")]
    KeyUnusable,
    /// 500: a fault of ours.
    #[error("something went wrong on our side; try again, and name the request id if it persists")]
    Fault,
}

/// The one error format: RFC 9457, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:bulkhead:problem:<code>`; the code is stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:bulkhead:problem:not-found")]
    pub kind: String,
    /// What kind of problem it is.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What is wrong with this request, and what to do about it.
    pub detail: String,
    /// Names this request in our logs.
    pub request_id: String,
}

impl ApiError {
    fn describe(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest(_) => (400, "bad-request", "Bad request"),
            Self::Forbidden(_) => (403, "forbidden", "Forbidden"),
            Self::NotFound(_) => (404, "not-found", "Not found"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "Method not allowed"),
            Self::Conflict(_) => (409, "conflict", "Conflict"),
            Self::TooLarge(_) => (413, "too-large", "Body too large"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "Unsupported media type"),
            Self::Unprocessable(_) => (422, "unprocessable", "Cannot be processed"),
            Self::Unavailable => (503, "unavailable", "Service unavailable"),
            Self::KeyUnusable => (503, "key-unavailable", "Key unavailable"),
            Self::Fault => (500, "internal", "Internal error"),
        }
    }

    /// Returns the answer for the request `request_id`.
    pub fn into_response(self, request_id: &str) -> ApiResponse {
        let (status, code, title) = self.describe();
        let problem = Problem {
            kind: format!("urn:bulkhead:problem:{code}"),
            title,
            status,
            detail: self.to_string(),
            request_id: request_id.to_owned(),
        };
        let response =
            ApiResponse::json(status, &problem).with_header("content-type", "application/problem+json");
        match self.retry_after() {
            Some(seconds) => response.with_header("retry-after", seconds),
            None => response,
        }
    }

    /// After how many seconds it is worth trying again.
    fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable => Some("1"),
            // Somebody has to do something first.
            Self::KeyUnusable => Some("60"),
            _ => None,
        }
    }
}

/// A missing or contradictory tenant is the caller's 403, and is counted.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        metrics::count(Counter::Refused, refusal.code(), None);
        tracing::warn!(reason = refusal.code(), "refused: {refusal}");
        Self::Forbidden(
            "the request does not establish a tenant; use a token of a tenant of this service".to_owned(),
        )
    }
}

/// Logged once, here, with its causes; the client learns only what it can act on.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        metrics::count_failure(&error, None);
        match error {
            StoreError::NotOnboarded => {
                return Self::Forbidden("this tenant is not onboarded here; ask your operator".to_owned());
            }
            StoreError::Conflict { .. } => {
                return Self::Conflict("it was changed at the same time; read it again and retry".to_owned());
            }
            StoreError::Throttled { .. } | StoreError::Unavailable { .. } => {
                tracing::warn!(error = chain(&error), "a service is unavailable");
                return Self::Unavailable;
            }
            StoreError::KeyUnusable { .. } => {
                tracing::error!(error = chain(&error), "a tenant's key cannot be used");
                return Self::KeyUnusable;
            }
            _ => {}
        }
        tracing::error!(error = chain(&error), "a request failed through a fault of ours");
        Self::Fault
    }
}
