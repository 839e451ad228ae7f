//! Gets the passages of a document from the function `extraction`.
//!
//! This function holds a tenant's credentials, so it parses no document itself.

use std::time::Duration;

use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
use bulkhead_stores::{StoreError, TenantSession, WorkerClient, WorkerError};

/// Returns the passages of a document, or why it is unreadable.
///
/// # Errors
/// [`StoreError`] if `extraction` returns no answer.
pub(crate) async fn extract(
    extraction: &WorkerClient,
    session: TenantSession<'_>,
    content_type: String,
    content: Vec<u8>,
    within: Duration,
) -> Result<ExtractionAnswer, StoreError> {
    const OPERATION: &str = "extract document";
    let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    let request = ExtractionRequest { content_type, within_ms, content };
    let payload = serde_json::to_vec(&request).map_err(|error| rejected(OPERATION, error))?;
    drop(request);
    match extraction.run_for(session, payload).await {
        Ok(answer) => serde_json::from_slice(&answer).map_err(|error| rejected(OPERATION, error)),
        Err(WorkerError::Call(error)) => Err(error),
        Err(error) => Err(rejected(OPERATION, error)),
    }
}

fn rejected(operation: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Rejected { operation, source: Box::new(error) }
}
