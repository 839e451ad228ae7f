//! From a document's bytes to its passages, by the function that reads.
//!
//! Nothing of a document is parsed here, where a tenant's credentials are.

use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
use bulkhead_stores::{StoreError, TenantSession, WorkerError, Workers};

/// Has `readers` read a document.
///
/// # Errors
/// [`StoreError`] where nothing can be said of the document.
pub(crate) async fn read(
    readers: &Workers,
    session: TenantSession<'_>,
    content_type: String,
    content: Vec<u8>,
) -> Result<ExtractionAnswer, StoreError> {
    const OPERATION: &str = "read document";
    let request = ExtractionRequest { content_type, content };
    let payload = serde_json::to_vec(&request).map_err(|error| rejected(OPERATION, error))?;
    drop(request);
    match readers.run_for(session, payload).await {
        Ok(answer) => serde_json::from_slice(&answer).map_err(|error| rejected(OPERATION, error)),
        Err(WorkerError::Call(error)) => Err(error),
        Err(error) => Err(rejected(OPERATION, error)),
    }
}

fn rejected(operation: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Rejected { operation, source: Box::new(error) }
}
