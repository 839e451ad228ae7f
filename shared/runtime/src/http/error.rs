use std::time::Duration;

use bulkhead_stores::{
    BudgetRefusal, Exhausted, Limit, Period, Quota, QuotaExceeded, StoreError, Unit, money, now,
};
use bulkhead_tenancy::{Refusal, Role};
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiResponse;
use crate::chain;
use crate::metrics::{self, Counter, Subject};

/// The error of a request. Tells the client what to do next and nothing about other tenants: a resource of
/// another tenant and a missing resource give the same answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 400: the request is malformed.
    #[error("{0}")]
    BadRequest(String),
    /// 403: the deployment does not serve the caller.
    #[error("{0}")]
    Forbidden(String),
    /// 403: the route needs a higher role than the caller's.
    #[error("this request needs the role `{required}`: {}", role_of(*.caller))]
    RoleRequired {
        /// The role that the route needs.
        required: Role,
        /// The caller's role, if it has one.
        caller: Option<Role>,
    },
    /// 404: the tenant has no such resource.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// 405: the resource does not have the method.
    #[error("this route has no such method: use {allowed}")]
    MethodNotAllowed {
        /// The methods of the resource, as in the header `Allow`.
        allowed: String,
    },
    /// 409: the resource changed, or its state does not allow the request.
    #[error("{0}")]
    Conflict(String),
    /// 409: the state that the client read is not the current one.
    #[error("{detail}")]
    NotCurrent {
        /// What to do.
        detail: &'static str,
        /// The current state.
        current: serde_json::Value,
        /// The entity tag of the current state, with its quotes.
        etag: String,
    },
    /// 409: another call answers a request with the same idempotency key.
    #[error("a request with this `Idempotency-Key` is in progress: repeat it after the time in Retry-After")]
    InProgress {
        /// When the lease of the other call ends.
        retry_after: Duration,
    },
    /// 409: the request took effect before, and its answer is not kept.
    #[error(
        "the request with this `Idempotency-Key` was answered, and the answer is not kept, because it is too long or \
         contains a secret: read the current state, or send a new key"
    )]
    AnswerNotKept,
    /// 422: the idempotency key belongs to another request.
    #[error(
        "this `Idempotency-Key` belongs to another request: send a new key with each request that is no repeat"
    )]
    KeyReused,
    /// 428: the request must name the state that it changes.
    #[error("{0}")]
    PreconditionRequired(&'static str),
    /// 413: the body is too large.
    #[error("request body too large: the limit is {0} bytes")]
    TooLarge(usize),
    /// 415: the body is not plain JSON. Names the header and what to send.
    #[error("{0}")]
    UnsupportedMediaType(&'static str),
    /// 422: the request is well formed but cannot be processed.
    #[error("{0}")]
    Unprocessable(String),
    /// 429: the tenant's quota is used.
    #[error("{detail}")]
    TooManyRequests {
        /// The limit, and what to do.
        detail: String,
        /// When to retry.
        retry_after: Duration,
    },
    /// 429: the tenant's budget has no room for the most that the call can cost.
    #[error("{}", budget_detail(.0))]
    BudgetExhausted(Exhausted),
    /// 503: a service is temporarily unavailable.
    #[error("the service is temporarily unavailable: retry after the time in Retry-After")]
    Unavailable,
    /// 503: the tenant's KMS key is unusable.
    #[error("your encryption key is disabled or scheduled for deletion: ask your operator to enable it")]
    KeyUnusable,
    /// The request does not establish a tenant.
    #[error(transparent)]
    NoTenant(Refusal),
    /// The tenant's quota is used.
    #[error("quota exceeded")]
    QuotaExceeded {
        /// The quota.
        quota: Quota,
        /// The limit that is reached.
        exceeded: QuotaExceeded,
    },
    /// A store failed.
    #[error(transparent)]
    Store(StoreError),
    /// 500: a defect of the service.
    #[error("internal error: retry, and report the request id if the error persists")]
    Fault,
}

/// The one error format: RFC 9457, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:bulkhead:problem:<code>`; the code is stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:bulkhead:problem:not-found")]
    pub kind: String,
    /// The kind of problem.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What is wrong with this request, and what to do next.
    pub detail: String,
    /// Identifies this request in the service's logs.
    pub request_id: String,
    /// The same as `detail`; only on the routes of OpenAI's interface, whose clients show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The current state, if the request depended on another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<serde_json::Value>,
    /// The budget that has no room, if that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetProblem>,
}

/// A budget without room for a call. Tokens are numbers as text; money is US dollars as decimal text.
#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetProblem {
    /// `day` or `month`, in UTC.
    #[schema(example = "day")]
    pub period: &'static str,
    /// `tokens` or `usd`.
    #[schema(example = "tokens")]
    pub unit: &'static str,
    /// The budget.
    #[schema(example = "100000")]
    pub limit: String,
    /// What is left of it.
    #[schema(example = "1200")]
    pub remaining: String,
    /// The part of it that calls in flight reserve. They give back what they do not use.
    #[schema(example = "0")]
    pub reserved: String,
    /// The most that this call can cost.
    #[schema(example = "5300")]
    pub needed: String,
    /// When the period ends.
    #[schema(example = "2026-02-01T00:00:00.000Z")]
    pub resets_at: String,
}

impl From<&Exhausted> for BudgetProblem {
    fn from(exhausted: &Exhausted) -> Self {
        let (unit, text): (_, fn(u64) -> String) = match exhausted.unit {
            Unit::Tokens => ("tokens", |tokens| tokens.to_string()),
            Unit::Money => ("usd", money::usd),
        };
        Self {
            period: match exhausted.period {
                Period::Day => "day",
                Period::Month => "month",
            },
            unit,
            limit: text(exhausted.limit),
            remaining: text(exhausted.remaining),
            reserved: text(exhausted.reserved),
            needed: text(exhausted.needed),
            resets_at: exhausted.resets_at.to_string(),
        }
    }
}

/// Says what the budget has, what the call needs, and what to do.
fn budget_detail(exhausted: &Exhausted) -> String {
    let BudgetProblem { period, unit, limit, remaining, reserved, needed, resets_at } = exhausted.into();
    format!(
        "budget exhausted: {remaining} of {limit} {unit} per {period} are left, {reserved} are reserved by calls in \
         flight, and this call needs up to {needed}; lower `max_tokens`, shorten the prompt, or wait until {resets_at}"
    )
}

impl ApiError {
    /// Returns the error for a request that depends on another state than `current`, with its entity tag.
    pub fn not_current<T: Serialize>(detail: &'static str, current: &T, etag: String) -> Self {
        match serde_json::to_value(current) {
            Ok(current) => Self::NotCurrent { detail, current, etag },
            Err(error) => {
                tracing::error!(%error, "state not serializable");
                Self::Fault
            }
        }
    }

    fn describe(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest(_) => (400, "bad-request", "Bad request"),
            Self::Forbidden(_) => (403, "forbidden", "Forbidden"),
            Self::RoleRequired { .. } => (403, "role-required", "Role required"),
            Self::NotFound(_) => (404, "not-found", "Not found"),
            Self::MethodNotAllowed { .. } => (405, "method-not-allowed", "Method not allowed"),
            Self::Conflict(_) => (409, "conflict", "Conflict"),
            Self::NotCurrent { .. } => (409, "not-current", "Not current"),
            Self::InProgress { .. } => (409, "in-progress", "In progress"),
            Self::AnswerNotKept => (409, "answer-not-kept", "Answer not kept"),
            Self::KeyReused => (422, "idempotency-key-reused", "Idempotency key reused"),
            Self::PreconditionRequired(_) => (428, "precondition-required", "Precondition required"),
            Self::TooLarge(_) => (413, "too-large", "Body too large"),
            Self::UnsupportedMediaType(_) => (415, "unsupported-media-type", "Unsupported media type"),
            Self::Unprocessable(_) => (422, "unprocessable", "Cannot be processed"),
            Self::TooManyRequests { .. } => (429, "too-many-requests", "Too many requests"),
            Self::BudgetExhausted(_) => (429, "budget-exhausted", "Budget exhausted"),
            Self::Unavailable => (503, "unavailable", "Service unavailable"),
            Self::KeyUnusable => (503, "key-unavailable", "Key unavailable"),
            // `log_and_redact` has replaced these.
            Self::NoTenant(_) | Self::QuotaExceeded { .. } | Self::Store(_) | Self::Fault => {
                (500, "internal", "Internal error")
            }
        }
    }

    /// Counts and logs the error, and returns the response; with the `message` that OpenAI's clients show, if wanted.
    pub(super) fn into_response(self, subject: Subject<'_>, with_message: bool) -> ApiResponse {
        self.log_and_redact(subject).response(subject, with_message)
    }

    /// Returns the response. The error must be redacted.
    pub(super) fn response(&self, subject: Subject<'_>, with_message: bool) -> ApiResponse {
        let mut problem = self.problem(subject);
        problem.message = with_message.then(|| problem.detail.clone());
        let response = ApiResponse::json(problem.status, &problem)
            .with_header("content-type", "application/problem+json");
        let response = match self.retry_after() {
            Some(seconds) => response.with_header("retry-after", seconds.to_string()),
            None => response,
        };
        match self {
            Self::MethodNotAllowed { allowed } => response.with_header("allow", allowed.clone()),
            Self::NotCurrent { etag, .. } => response.with_header("etag", etag.clone()),
            _ => response,
        }
    }

    /// Counts and logs the error of one part of a request, and returns it for the answer.
    pub fn into_problem(self, subject: Subject<'_>) -> Problem {
        self.log_and_redact(subject).problem(subject)
    }

    /// Returns the answer's body. The error must be redacted.
    fn problem(&self, subject: Subject<'_>) -> Problem {
        let (status, code, title) = self.describe();
        Problem {
            kind: format!("urn:bulkhead:problem:{code}"),
            title,
            status,
            detail: truncated(self.to_string()),
            request_id: subject.request_id.unwrap_or_default().to_owned(),
            message: None,
            current: match self {
                Self::NotCurrent { current, .. } => Some(current.clone()),
                _ => None,
            },
            budget: match self {
                Self::BudgetExhausted(exhausted) => Some(exhausted.into()),
                _ => None,
            },
        }
    }

    /// Counts and logs the details once, and returns the error that the client may see. Does nothing to a redacted one.
    pub(super) fn log_and_redact(self, subject: Subject<'_>) -> Self {
        match self {
            Self::NoTenant(refusal) => {
                metrics::count(Counter::Refused, refusal.code(), subject);
                tracing::warn!(reason = refusal.code(), error = %refusal, "request refused");
                Self::Forbidden(
                    "the request does not establish a tenant: use a token of a tenant of this service"
                        .to_owned(),
                )
            }
            Self::RoleRequired { required, caller } => {
                // Not counted as `Refused`: the tenant is established, and its own users cause it.
                let caller_role = caller.map_or("none", Role::as_str);
                tracing::info!(required = required.as_str(), caller = caller_role, "role too low");
                self
            }
            Self::QuotaExceeded { quota, exceeded } => quota_exceeded(&quota, exceeded, subject),
            Self::BudgetExhausted(exhausted) => {
                let reason = match (exhausted.period, exhausted.unit) {
                    (Period::Day, Unit::Tokens) => "day_tokens",
                    (Period::Day, Unit::Money) => "day_money",
                    (Period::Month, Unit::Tokens) => "month_tokens",
                    (Period::Month, Unit::Money) => "month_money",
                };
                metrics::count(Counter::BudgetExhausted, reason, subject);
                self
            }
            Self::Store(error) => {
                metrics::count_failure(&error, subject);
                store_failure(error)
            }
            other => other,
        }
    }

    /// Returns the value of `Retry-After`: whole seconds, at least one.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Unavailable => Some(1),
            Self::TooManyRequests { retry_after, .. } | Self::InProgress { retry_after } => {
                Some((retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0)).max(1))
            }
            Self::BudgetExhausted(exhausted) => {
                let left = exhausted.resets_at.since(now());
                Some((left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1))
            }
            // An operator must enable the key first.
            Self::KeyUnusable => Some(60),
            _ => None,
        }
    }
}

/// Maximum length of `detail`, characters. A detail may quote the client's input, and Lambda limits a
/// response to 6 MB.
const MAX_DETAIL: usize = 500;

fn truncated(mut detail: String) -> String {
    if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL) {
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

/// A missing or contradictory tenant is a 403.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::NoTenant(refusal)
    }
}

impl From<BudgetRefusal> for ApiError {
    fn from(refusal: BudgetRefusal) -> Self {
        match refusal {
            BudgetRefusal::Exhausted(exhausted) => Self::BudgetExhausted(exhausted),
            BudgetRefusal::NoPrice { model } => Self::Unprocessable(format!(
                "the model `{model}` has no price, and your tenant has a budget in money: use another model, or ask \
                 your operator for a price"
            )),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Says which role the caller has, and what to do.
fn role_of(caller: Option<Role>) -> String {
    let has = match caller {
        Some(role) => format!("the caller has `{role}`"),
        None => "the caller has no role".to_owned(),
    };
    format!("{has}; ask an administrator of your tenant for a role")
}

fn quota_exceeded(quota: &Quota, exceeded: QuotaExceeded, subject: Subject<'_>) -> ApiError {
    let (code, detail, retry_after) = match exceeded.limit {
        Limit::InFlight => (
            "in_flight",
            format!(
                "concurrency limit exceeded: {} calls in flight; wait for an answer before you send more",
                quota.in_flight
            ),
            // Most calls release their slot within a second. The exact time is not known.
            Duration::from_secs(1),
        ),
        Limit::Rate => (
            "rate",
            format!("rate limit exceeded: {} requests per second, burst {}", quota.rate, quota.burst),
            exceeded.retry_after,
        ),
    };
    metrics::count(Counter::QuotaExceeded, code, subject);
    ApiError::TooManyRequests { detail, retry_after }
}

/// Logs the error with its causes, and returns what the client can act on.
fn store_failure(error: StoreError) -> ApiError {
    match error {
        StoreError::NotOnboarded => ApiError::Forbidden(
            "this tenant is not onboarded in this deployment: ask your operator".to_owned(),
        ),
        StoreError::Conflict { .. } => {
            ApiError::Conflict("the resource changed at the same time: read it again and retry".to_owned())
        }
        StoreError::Throttled { .. } | StoreError::Unavailable { .. } => {
            tracing::warn!(error = chain(&error), "service unavailable");
            ApiError::Unavailable
        }
        StoreError::KeyUnusable { .. } => {
            tracing::error!(error = chain(&error), "tenant key unusable");
            ApiError::KeyUnusable
        }
        StoreError::InputRefused { too_long, .. } => {
            tracing::warn!(error = chain(&error), "model refused the input");
            ApiError::Unprocessable(
                if too_long {
                    "the prompt is too long for the model: shorten the prompt template, its variables or the \
                     question, or use fewer passages"
                } else {
                    "the model does not accept the prompt: change the prompt template, its variables or the question"
                }
                .to_owned(),
            )
        }
        _ => {
            tracing::error!(error = chain(&error), "request failed");
            ApiError::Fault
        }
    }
}
