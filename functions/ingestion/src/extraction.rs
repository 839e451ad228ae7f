//! Gets the passages of a document from the function `extraction`, page by page.
//!
//! This function holds a tenant's credentials, so it parses no document itself. It does not hold a document's bytes
//! either: `extraction` reads them from a URL that the tenant's session signs for this one object.

use std::time::Duration;

use bulkhead_documents::{ExtractedPage, Options, fingerprint};
use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
use bulkhead_stores::{Document, StoreError, TenantSession, WorkerClient, WorkerError};
use bulkhead_tenancy::names::Revision;
use tokio::time::timeout;

/// What `extraction` read, or why it did not.
pub(crate) enum Reading {
    /// Consecutive passages of the document.
    Page(Page),
    /// Why the document is unreadable, in words for its owner.
    Unreadable(String),
    /// No answer in time, or `extraction` could not fetch the bytes. It ends the reading of a document earlier, so the
    /// document is not the cause.
    NoAnswer,
}

/// Consecutive passages of a document.
pub(crate) struct Page {
    /// Hash of everything that decides what the passages are. Pages with one hash belong together.
    pub hash: String,
    /// The passages.
    pub text: ExtractedPage,
}

/// The stored bytes of one revision, and how to read them.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    pub document: &'a Document,
    pub revision: Revision,
    pub content_type: &'a str,
    pub options: Options,
}

/// Returns the passages of a document from number `first` on, as many as one answer holds.
///
/// # Errors
/// [`StoreError`] if `extraction` fails.
pub(crate) async fn read(
    extraction: &WorkerClient,
    session: TenantSession<'_>,
    content: Content<'_>,
    first: u32,
    within: Duration,
) -> Result<Reading, StoreError> {
    const OPERATION: &str = "extract document";
    let Content { document, revision, content_type, options } = content;
    let request = ExtractionRequest {
        content_type: content_type.to_owned(),
        options,
        url: session.objects().presign_read(&document.id, revision).await?,
        first,
        within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
    };
    let payload = serde_json::to_vec(&request).map_err(|error| rejected(OPERATION, error))?;
    let Ok(answer) = timeout(within, extraction.run_for(session, payload)).await else {
        return Ok(Reading::NoAnswer);
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(WorkerError::Call(error)) => return Err(error),
        Err(error) => return Err(rejected(OPERATION, error)),
    };
    match serde_json::from_slice(&answer).map_err(|error| rejected(OPERATION, error))? {
        ExtractionAnswer::Unreadable(reason) => Ok(Reading::Unreadable(reason)),
        ExtractionAnswer::Unavailable => Ok(Reading::NoAnswer),
        ExtractionAnswer::Page { sha256, readers, page } => {
            // The title is embedded with each passage and the metadata is stored with it, so both are part of the hash.
            let (readers, boilerplate) = (readers.to_be_bytes(), [u8::from(options.keep_boilerplate)]);
            let metadata = document.metadata.canonical();
            let mut parts: Vec<&[u8]> = vec![
                &readers,
                &boilerplate,
                document.title.as_bytes(),
                content_type.as_bytes(),
                sha256.as_bytes(),
            ];
            // Documents without metadata keep the hash that they had before metadata existed.
            if !document.metadata.is_empty() {
                parts.push(metadata.as_bytes());
            }
            let hash = fingerprint(&parts);
            Ok(Reading::Page(Page { hash, text: page }))
        }
    }
}

fn rejected(operation: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Rejected { operation, source: Box::new(error) }
}
