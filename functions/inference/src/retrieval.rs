//! Finds the passages of the tenant's documents for a question.

use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{Filter, Match, Search, TenantSession, TextPurpose};

use crate::metering::Meter;
use crate::model::{MAX_NEIGHBOURS, MAX_PASSAGES, MAX_QUESTION, Retrieval};
use crate::{prompt, ranking};

const DEFAULT_PASSAGES: u8 = 4;

/// Passages to rank, to choose one of them.
const CANDIDATES: u8 = 4;
/// Passages to rank, at least.
const MIN_CANDIDATES: u8 = 20;

/// Checks the settings of a request.
///
/// # Errors
/// 400 that names the field; 422 that names the place in the filter.
pub(crate) fn settings(retrieval: &Retrieval) -> Result<Search, ApiError> {
    let min_score = retrieval.min_score.unwrap_or(-1.0);
    if !(-1.0..=1.0).contains(&min_score) {
        return Err(ApiError::BadRequest("`retrieval.min_score` must be -1 to 1".to_owned()));
    }
    let limit = within("retrieval.limit", retrieval.limit.unwrap_or(DEFAULT_PASSAGES), MAX_PASSAGES)?;
    let neighbours = retrieval.neighbours.unwrap_or(0);
    if neighbours > MAX_NEIGHBOURS {
        return Err(ApiError::BadRequest(format!("`retrieval.neighbours` must be 0 to {MAX_NEIGHBOURS}")));
    }
    let filter = retrieval.filter.clone().map(|filter| Filter::parse("retrieval.filter", filter)).transpose();
    let filter = filter.map_err(|error| ApiError::Unprocessable(error.to_string()))?;
    let candidates = limit.saturating_mul(CANDIDATES).max(MIN_CANDIDATES);
    Ok(Search { candidates, limit, min_score, neighbours, filter })
}

/// Checks the settings of a request that may want no passages. Returns `None` if it wants none.
///
/// # Errors
/// 400 that names the field.
pub(crate) fn optional_settings(retrieval: &Retrieval) -> Result<Option<Search>, ApiError> {
    let search = settings(retrieval)?;
    Ok((retrieval.enabled != Some(false)).then_some(search))
}

/// Returns the passages for a question, best first. Each text at most once.
pub(crate) async fn passages(
    session: TenantSession<'_>,
    meter: Meter<'_>,
    question: &str,
    search: Search,
) -> Result<Vec<Match>, ApiError> {
    let embedded = meter.embed(&[question.to_owned()], TextPurpose::Question).await?;
    let query = embedded.into_iter().next().ok_or(ApiError::Fault)?.vector;
    Ok(session.passages().search(&query, search, |found| ranking::ranked(question, found)).await?)
}

/// Checks and trims a question.
pub(crate) fn question(text: &str) -> Result<&str, ApiError> {
    let question = text.trim();
    match text.chars().count() {
        1..=MAX_QUESTION if !prompt::is_blank(question) => Ok(question),
        _ => Err(ApiError::BadRequest(format!("`question` must have 1 to {MAX_QUESTION} characters"))),
    }
}

pub(crate) fn within<T: PartialOrd + From<u8> + std::fmt::Display>(
    name: &str,
    value: T,
    maximum: T,
) -> Result<T, ApiError> {
    if value >= T::from(1) && value <= maximum {
        Ok(value)
    } else {
        Err(ApiError::BadRequest(format!("`{name}` must be 1 to {maximum}")))
    }
}
