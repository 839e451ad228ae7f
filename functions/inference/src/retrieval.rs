//! Finds the passages of the tenant's documents for a question.

use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{Match, TenantSession};

use crate::model::{MAX_PASSAGES, MAX_QUESTION, Retrieval};
use crate::{prompt, ranking};

const DEFAULT_PASSAGES: u8 = 4;

/// Checked settings of a search.
pub(crate) struct Settings {
    limit: u8,
    min_score: f32,
}

impl Settings {
    /// Checks the settings of a request.
    ///
    /// # Errors
    /// 400 that names the field.
    pub(crate) fn check(retrieval: &Retrieval) -> Result<Self, ApiError> {
        let min_score = retrieval.min_score.unwrap_or(-1.0);
        if !(-1.0..=1.0).contains(&min_score) {
            return Err(ApiError::BadRequest("`retrieval.min_score` must be -1 to 1".to_owned()));
        }
        let limit = within("retrieval.limit", retrieval.limit.unwrap_or(DEFAULT_PASSAGES), MAX_PASSAGES)?;
        Ok(Self { limit, min_score })
    }
}

/// Returns the passages for a question, best first. A passage of each text at most once.
pub(crate) async fn passages(
    session: TenantSession<'_>,
    question: &str,
    settings: &Settings,
) -> Result<Vec<Match>, ApiError> {
    let query = session.models().embed(question).await?;
    let mut found = session.passages().nearest(&query, ranking::candidates(settings.limit)).await?;
    found.retain(|passage| passage.score >= settings.min_score);
    Ok(ranking::best(question, found, settings.limit))
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
