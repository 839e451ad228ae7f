use std::time::Duration;

use bulkhead_stores::{Cap, CapRefusal, Limit, StoreError};
use bulkhead_tenancy::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiResponse;
use crate::chain;
use crate::metrics::{self, About, Counter};

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
    /// 429: the tenant uses all that it may have of its tier.
    #[error("{detail}")]
    TooManyRequests {
        /// Which limit, and what to do.
        detail: String,
        /// When it is worth trying again.
        after: Duration,
    },
    /// 503: try again.
    #[error("the service is busy; try again shortly")]
    Unavailable,
    /// 503: the tenant's own key is out of use.
    #[error("your key cannot be used: it is disabled or being deleted; ask your operator to enable it again")]
    KeyUnusable,
    /// No tenant was established.
    #[error(transparent)]
    NoTenant(Refusal),
    /// The tenant is over its cap.
    #[error("over the cap")]
    OverCap {
        /// The cap.
        cap: Cap,
        /// By what.
        refusal: CapRefusal,
    },
    /// A store failed: anything from a conflict to a fault of ours.
    #[error(transparent)]
    Store(StoreError),
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
            Self::Conflict(_) => (409, "conflict", "Conflict"),
            Self::TooLarge(_) => (413, "too-large", "Body too large"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "Unsupported media type"),
            Self::Unprocessable(_) => (422, "unprocessable", "Cannot be processed"),
            Self::TooManyRequests { .. } => (429, "too-many-requests", "Too many requests"),
            Self::Unavailable => (503, "unavailable", "Service unavailable"),
            Self::KeyUnusable => (503, "key-unavailable", "Key unavailable"),
            // What was not told by `told`: nothing gets here.
            Self::NoTenant(_) | Self::OverCap { .. } | Self::Store(_) | Self::Fault => {
                (500, "internal", "Internal error")
            }
        }
    }

    /// Returns the answer for the request, after counting and logging why it failed.
    pub(super) fn into_response(self, about: About<'_>) -> ApiResponse {
        let error = self.told(about);
        let (status, code, title) = error.describe();
        let problem = Problem {
            kind: format!("urn:bulkhead:problem:{code}"),
            title,
            status,
            detail: brief(error.to_string()),
            request_id: about.request_id.unwrap_or_default().to_owned(),
        };
        let response =
            ApiResponse::json(status, &problem).with_header("content-type", "application/problem+json");
        match error.retry_after() {
            Some(seconds) => response.with_header("retry-after", seconds.to_string()),
            None => response,
        }
    }

    /// Counts and logs, once, what only we may know, and returns what the client is told.
    fn told(self, about: About<'_>) -> Self {
        match self {
            Self::NoTenant(refusal) => {
                metrics::count(Counter::Refused, refusal.code(), about);
                tracing::warn!(reason = refusal.code(), "refused: {refusal}");
                Self::Forbidden(
                    "the request does not establish a tenant; use a token of a tenant of this service"
                        .to_owned(),
                )
            }
            Self::OverCap { cap, refusal } => over(&cap, refusal, about),
            Self::Store(error) => {
                metrics::count_failure(&error, about);
                failed(error)
            }
            other => other,
        }
    }

    /// After how many seconds it is worth trying again: whole ones, as the header is
    /// written, and no less than one.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Unavailable => Some(1),
            Self::TooManyRequests { after, .. } => {
                Some((after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1))
            }
            // Somebody has to do something first.
            Self::KeyUnusable => Some(60),
            _ => None,
        }
    }
}

/// Longest detail, characters. Some quote what the client wrote, and an answer beyond Lambda's
/// 6 MB would be a fault of ours.
const MAX_DETAIL: usize = 500;

fn brief(mut detail: String) -> String {
    if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL) {
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

/// A missing or contradictory tenant is the caller's 403.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::NoTenant(refusal)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn over(cap: &Cap, refusal: CapRefusal, about: About<'_>) -> ApiError {
    let (code, detail, after) = match refusal.limit {
        Limit::InFlight => (
            "in_flight",
            format!(
                "you have {} calls in flight, the most of your tier; wait for an answer before you send more",
                cap.in_flight
            ),
            // When the hold that ends first would end by itself; nearly always it is given back before.
            Duration::from_secs(1),
        ),
        Limit::Rate => (
            "rate",
            format!(
                "your tier has {} calls per second for you, and {} at once; slow down",
                cap.rate, cap.burst
            ),
            refusal.after,
        ),
    };
    metrics::count(Counter::CapRefused, code, about);
    ApiError::TooManyRequests { detail, after }
}

/// Logged with its causes; the client learns only what it can act on.
fn failed(error: StoreError) -> ApiError {
    match error {
        StoreError::NotOnboarded => {
            ApiError::Forbidden("this tenant is not onboarded here; ask your operator".to_owned())
        }
        StoreError::Conflict { .. } => {
            ApiError::Conflict("it was changed at the same time; read it again and retry".to_owned())
        }
        StoreError::Throttled { .. } | StoreError::Unavailable { .. } => {
            tracing::warn!(error = chain(&error), "a service is unavailable");
            ApiError::Unavailable
        }
        StoreError::KeyUnusable { .. } => {
            tracing::error!(error = chain(&error), "a tenant's key cannot be used");
            ApiError::KeyUnusable
        }
        _ => {
            tracing::error!(error = chain(&error), "a request failed through a fault of ours");
            ApiError::Fault
        }
    }
}
