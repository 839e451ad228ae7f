//! Requests with an idempotency key: a repeat gets the answer of the first one.
//!
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>

use bulkhead_stores::{Begun, IdempotencyClaim, TenantSession};
use bulkhead_tenancy::names::IdempotencyKey;

use super::serve::Route;
use super::{ApiError, ApiRequest, ApiResponse};
use crate::chain;

const HEADER: &str = "Idempotency-Key";
const REPLAYED: &str = "idempotency-replayed";

/// What a request with an idempotency key gets.
pub(super) enum Turn {
    /// Its handler answers it.
    Handle(IdempotencyClaim),
    /// The answer of an earlier call.
    Repeat(ApiResponse),
}

/// Returns the idempotency key of a request; `None` if it has none or if the route does not use it.
///
/// The draft writes the key in quotes, most clients do not: both are the same key.
///
/// # Errors
/// 400 if it is malformed.
pub(super) fn key_of(route: &Route, request: &ApiRequest) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(text) = request.header(HEADER).filter(|_| route.takes_idempotency_key()) else {
        return Ok(None);
    };
    let plain = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let key = IdempotencyKey::parse(plain);
    key.map(Some).map_err(|error| ApiError::BadRequest(format!("`{HEADER}`: {error}")))
}

/// Begins the request with `key`.
///
/// # Errors
/// 409 if another call answers it or its answer is not kept, 422 if the key belongs to another request.
pub(super) async fn begin(
    request: &ApiRequest,
    session: TenantSession<'_>,
    key: &IdempotencyKey,
) -> Result<Turn, ApiError> {
    match session.idempotency().begin(key, request.fingerprint()).await? {
        Begun::Claimed(claim) => Ok(Turn::Handle(claim)),
        Begun::Answered(Some(answer)) => {
            Ok(Turn::Repeat(ApiResponse::repeated(answer).with_header(REPLAYED, "true")))
        }
        Begun::Answered(None) => Err(ApiError::AnswerNotKept),
        Begun::InProgress { retry_after } => Err(ApiError::InProgress { retry_after }),
        Begun::OtherRequest => Err(ApiError::KeyReused),
    }
}

/// Keeps `answer` for repeats, or forgets the request if a repeat may have another answer.
///
/// A failure does not change the answer: the claim ends with its lease, and a later repeat is handled.
pub(super) async fn settle(
    session: TenantSession<'_>,
    claim: &IdempotencyClaim,
    answer: Option<&ApiResponse>,
) {
    let requests = session.idempotency();
    let settled = match answer {
        Some(answer) if is_final(answer.status()) => requests.finish(claim, answer.kept()).await,
        _ => requests.release(claim).await,
    };
    if let Err(error) = settled {
        tracing::warn!(error = chain(&error), "answer not kept, request expires later");
    }
}

/// Returns whether a repeat of a request with this answer cannot have another one.
///
/// Conflicts, exceeded quotas and faults of the service may be over when the request is repeated; a refusal of the caller
/// (403), too.
fn is_final(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404 | 413 | 415 | 422 | 428)
}

#[cfg(test)]
mod tests {
    use bulkhead_tenancy::Role;

    use super::*;

    fn key(route: Route, header: Option<&str>) -> Result<Option<String>, ApiError> {
        let event = serde_json::json!({"headers": {"idempotency-key": header}});
        let event = match header {
            Some(_) => event,
            None => serde_json::json!({}),
        };
        let request = ApiRequest::new(serde_json::from_value(event).expect("an event"));
        key_of(&route, &request).map(|key| key.map(String::from))
    }

    #[test]
    fn key_may_have_quotes() {
        let write = Route::new("POST", "/things", Role::Writer);
        for text in ["order-7", "\"order-7\""] {
            assert_eq!(key(write, Some(text)).expect("a key").as_deref(), Some("order-7"));
        }
        assert_eq!(key(write, None).expect("no key"), None);
        for refused in ["", "\"", "\"\"", "\"a", "a\"", "a b", &"x".repeat(256)] {
            let error = key(write, Some(refused)).expect_err("refused").to_string();
            assert!(error.starts_with("`Idempotency-Key`: an idempotency key is 1 to 255"), "{error}");
        }
    }

    #[test]
    fn every_write_takes_a_key_unless_it_changes_nothing() {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let route = Route::new(method, "/things", Role::Writer);
            assert!(key(route, Some("a")).expect("a key").is_some(), "{method}");
            assert!(
                key(Route::streamed(method, "/things", Role::Writer), Some("a")).expect("a key").is_some()
            );
            // A malformed key of such a route is ignored, too.
            assert!(key(route.repeatable(), Some("")).expect("ignored").is_none());
        }
        assert!(key(Route::new("GET", "/things", Role::Writer), Some("")).expect("ignored").is_none());
    }

    #[test]
    fn only_a_final_answer_is_kept() {
        for kept in [200, 201, 202, 204, 400, 404, 413, 415, 422, 428] {
            assert!(is_final(kept), "{kept}");
        }
        for forgotten in [401, 403, 409, 429, 500, 503, 504] {
            assert!(!is_final(forgotten), "{forgotten}");
        }
    }
}
