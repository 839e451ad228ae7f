//! What clients send and receive.

use std::collections::BTreeMap;

use bulkhead_documents::{Format, MAX_BYTES};
use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{Document as Stored, DocumentStatus, Job, Page, Upload as SignedUpload, WaitingReason};
use bulkhead_tenancy::names::DocumentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest title, characters.
const MAX_TITLE: usize = 200;
/// Largest document sent inline, bytes of UTF-8. Larger ones are uploaded.
pub const MAX_INLINE: usize = 1024 * 1024;

/// A document with its text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDocument {
    /// Its title, 1 to 200 characters.
    #[schema(example = "Opening hours")]
    pub title: String,
    /// `text/plain`, `text/markdown` or `text/html`.
    #[schema(example = "text/markdown")]
    pub content_type: String,
    /// Its text. At most 1 MiB; upload larger documents.
    pub content: String,
}

/// A document whose bytes will be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUpload {
    /// Its title, 1 to 200 characters.
    pub title: String,
    /// `text/plain`, `text/markdown`, `text/html`, `application/pdf` or
    /// `application/vnd.openxmlformats-officedocument.wordprocessingml.document`.
    pub content_type: String,
    /// Its exact size, bytes. At most 4 MiB.
    pub bytes: u64,
}

/// A document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its content type.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// The status of the newest revision: `awaiting_upload`, `queued`, `running`, `waiting` (see
    /// `waiting_reason`), `ready`, or `dead` (the document is among the dead letters).
    #[schema(example = "ready")]
    pub status: &'static str,
    /// Passages that can be found.
    pub chunks: u32,
    /// Its newest content, counted from 1. `status` is about it.
    #[schema(example = 1)]
    pub revision: u32,
    /// The content that can be found; `null` as long as there is none.
    #[schema(example = 1)]
    pub ready_revision: Option<u32>,
    /// How far indexing has come, while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why indexing waits: `retry` (the last attempt failed), `circuit_open` (too many of the tenant's jobs
    /// failed), `over_limit` (no worker is free), `continued` (the document needs several runs), `lost` (a
    /// worker disappeared) or `redriven`. Only with the status `waiting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<&'static str>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// When its status last changed, RFC 3339.
    pub updated_at: String,
}

/// How far a document's indexing has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct Progress {
    /// Passages that are indexed.
    #[schema(example = 640)]
    pub indexed: u32,
    /// Passages that there are.
    #[schema(example = 2913)]
    pub passages: u32,
}

/// Where to upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upload {
    /// The HTTP method.
    pub method: String,
    /// The address. Good for one upload: a revision's bytes never change.
    pub url: String,
    /// Headers to send exactly as given.
    pub headers: BTreeMap<String, String>,
    /// Until the address ends, seconds.
    pub expires_in_seconds: u64,
}

/// A document and where to upload its bytes.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentUpload {
    /// The document.
    pub document: Document,
    /// Where to upload.
    pub upload: Upload,
}

/// A page of documents, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Pass it as `cursor` for the next page; `null` on the last one.
    pub cursor: Option<String>,
}

/// A document that could not be indexed, and is not tried again by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    /// The document.
    pub document: String,
    /// Why the last attempt failed.
    #[schema(example = "the document is not UTF-8 text")]
    pub last_error: String,
    /// Attempts that were made.
    pub attempts: u32,
    /// When the document was handed in, RFC 3339.
    pub accepted_at: String,
    /// When the job became a dead letter, RFC 3339.
    pub dead_since: String,
}

/// A page of dead letters, oldest documents first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterPage {
    /// The dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// Pass it as `cursor` for the next page; `null` on the last one.
    pub cursor: Option<String>,
}

/// What was taken up again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redriven {
    /// Documents that are tried again.
    pub documents: Vec<String>,
    /// Whether there are more: ask again.
    pub more: bool,
}

impl From<Page<Job, DocumentId>> for DeadLetterPage {
    fn from(page: Page<Job, DocumentId>) -> Self {
        let dead_letters = page.items.iter().map(|job| DeadLetter {
            document: job.document().to_string(),
            last_error: job.last_error().unwrap_or_default().to_owned(),
            attempts: job.attempts(),
            accepted_at: job.accepted_at().to_string(),
            dead_since: job.since().to_string(),
        });
        Self { dead_letters: dead_letters.collect(), cursor: page.next.map(String::from) }
    }
}

/// A title that is fit to be kept.
pub fn title(text: &str) -> Result<String, ApiError> {
    let title = text.trim();
    let length = title.chars().count();
    if length == 0 || length > MAX_TITLE || title.chars().any(char::is_control) {
        return Err(ApiError::BadRequest(format!(
            "`title` is 1 to {MAX_TITLE} characters, without control characters"
        )));
    }
    Ok(title.to_owned())
}

/// A content type that can be ingested.
pub fn format(content_type: &str) -> Result<Format, ApiError> {
    Format::from_content_type(content_type).map_err(|_| {
        ApiError::BadRequest(
            "`content_type` is text/plain, text/markdown, text/html, application/pdf or \
             application/vnd.openxmlformats-officedocument.wordprocessingml.document"
                .to_owned(),
        )
    })
}

/// The content type of a text that is sent inline.
pub fn text_format(content_type: &str) -> Result<Format, ApiError> {
    match format(content_type)? {
        text @ (Format::Text | Format::Markdown | Format::Html) => Ok(text),
        Format::Pdf | Format::Docx => Err(ApiError::BadRequest(
            "`content_type` is no text; upload the document by POST /v1/documents/uploads".to_owned(),
        )),
    }
}

/// A size that can be ingested.
pub fn upload_size(bytes: u64) -> Result<u64, ApiError> {
    if (1..=MAX_BYTES as u64).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(ApiError::BadRequest(format!("`bytes` is 1 to {MAX_BYTES}")))
    }
}

impl From<Stored> for Document {
    fn from(stored: Stored) -> Self {
        let underway = !matches!(stored.status, DocumentStatus::Ready | DocumentStatus::Dead);
        let pending = stored.pending.filter(|_| underway);
        Self {
            id: stored.id.into(),
            title: stored.title,
            content_type: stored.content_type,
            bytes: stored.bytes,
            status: stored.status.as_str(),
            chunks: stored.live.as_ref().map_or(0, |live| live.passages),
            revision: stored.revision.number(),
            ready_revision: stored.live.map(|live| live.revision.number()),
            progress: pending
                .map(|pending| Progress { indexed: stored.indexed_passages, passages: pending.passages }),
            waiting_reason: stored.waiting_reason.map(WaitingReason::as_str),
            last_error: stored.last_error,
            created_at: stored.created_at.to_string(),
            updated_at: stored.updated_at.to_string(),
        }
    }
}

impl From<SignedUpload> for Upload {
    fn from(signed: SignedUpload) -> Self {
        Self {
            method: signed.method,
            url: signed.url,
            headers: signed.headers.into_iter().collect(),
            expires_in_seconds: signed.expires_in.as_secs(),
        }
    }
}

impl From<Page<Stored, DocumentId>> for DocumentPage {
    fn from(page: Page<Stored, DocumentId>) -> Self {
        Self {
            documents: page.items.into_iter().map(Document::from).collect(),
            cursor: page.next.map(String::from),
        }
    }
}
