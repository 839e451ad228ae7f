//! Request and response bodies.

use std::collections::BTreeMap;

use bulkhead_runtime::http::Problem;
use bulkhead_runtime::http::documented::{DocumentIdText, ExternalIdText, TextRange, TitleText};
use bulkhead_runtime::http::fields::whole;
use bulkhead_stores::{
    Document as Stored, DocumentStatus, Job, Match, Metadata, Page, Upload as SignedUpload, WaitingReason,
};
use bulkhead_tenancy::names::{DocumentId, ExternalId, Revision};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::schemas::{
    content_type, inline_content_type, metadata_patch_schema, metadata_schema, status, waiting_reason,
};

/// Maximum size of an inline document in bytes of UTF-8. Larger documents need an upload.
pub const MAX_INLINE: usize = 1024 * 1024;

/// Maximum number of documents in one request.
pub const MAX_BATCH: usize = 100;

/// The members of a JSON object, not checked.
pub type Fields = BTreeMap<String, serde_json::Value>;

/// A document with inline text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDocument {
    /// Title, without control characters.
    #[schema(value_type = TitleText)]
    pub title: String,
    /// Content type of the text.
    #[schema(schema_with = inline_content_type)]
    pub content_type: String,
    /// Text, at most 1 MiB of UTF-8. Upload larger documents.
    #[schema(
        example = "# Hours\n\nWe open at nine.",
        min_length = 1,
        max_length = 1_048_576,
        pattern = r"\S"
    )]
    pub content: String,
    /// Keeps menus, page footers and cookie banners of HTML. Default: `false`.
    #[serde(default)]
    pub keep_boilerplate: bool,
    /// Your own keys with a text, a number or a boolean each, to filter by. At most 32 keys and 1,536 bytes of JSON. Not
    /// for secrets: the index stores it readable to the service.
    #[serde(default)]
    #[schema(schema_with = metadata_schema)]
    pub metadata: Fields,
}

/// A document to upload.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUpload {
    /// Title, without control characters.
    #[schema(value_type = TitleText)]
    pub title: String,
    /// Content type of the document.
    #[schema(schema_with = content_type)]
    pub content_type: String,
    /// Exact size in bytes, at most 64 MiB.
    #[serde(deserialize_with = "whole")]
    #[schema(example = 48_213, minimum = 1, maximum = 67_108_864)]
    pub bytes: u64,
    /// Keeps menus, page footers and cookie banners of HTML. Default: `false`.
    #[serde(default)]
    pub keep_boilerplate: bool,
    /// Your own keys with a text, a number or a boolean each, to filter by. At most 32 keys and 1,536 bytes of JSON. Not
    /// for secrets: the index stores it readable to the service.
    #[serde(default)]
    #[schema(schema_with = metadata_schema)]
    pub metadata: Fields,
}

/// Documents with inline text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBatch {
    /// The documents: 1 to 100, and at most 4 MiB together.
    #[schema(min_items = 1, max_items = 100)]
    pub documents: Vec<BatchDocument>,
}

/// A document with inline text, and its external id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchDocument {
    /// Id of the document in your own system: creates or replaces the document with this id. Default: creates a document.
    #[schema(value_type = Option<ExternalIdText>)]
    pub external_id: Option<String>,
    /// Title, without control characters.
    #[schema(value_type = TitleText)]
    pub title: String,
    /// Content type of the text.
    #[schema(schema_with = inline_content_type)]
    pub content_type: String,
    /// Text, at most 1 MiB of UTF-8.
    #[schema(
        example = "# Hours\n\nWe open at nine.",
        min_length = 1,
        max_length = 1_048_576,
        pattern = r"\S"
    )]
    pub content: String,
    /// Keeps menus, page footers and cookie banners of HTML. Default: `false`.
    #[serde(default)]
    pub keep_boilerplate: bool,
    /// Your own keys with a text, a number or a boolean each.
    #[serde(default)]
    #[schema(schema_with = metadata_schema)]
    pub metadata: Fields,
}

/// The result for one document of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// HTTP status: 202 if the document is stored and will be indexed.
    #[schema(example = 202)]
    pub status: u16,
    /// The document; only with the status 202.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Box<Document>>,
    /// Why the document is not stored; only with another status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The results of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResults {
    /// One result for each document, in the order of the request.
    pub results: Vec<BatchResult>,
}

/// Documents to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteDocuments {
    /// Ids of 1 to 100 documents.
    #[schema(value_type = Vec<DocumentIdText>, min_items = 1, max_items = 100)]
    pub ids: Vec<String>,
}

/// The result of one deletion.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletionResult {
    /// Id of the document.
    #[schema(value_type = DocumentIdText)]
    pub id: String,
    /// HTTP status: 204 if the document was deleted, 404 if it does not exist.
    #[schema(example = 204)]
    pub status: u16,
    /// Why the document was not deleted; only with another status than 204.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The results of deletions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletionResults {
    /// One result for each id, in the order of the request.
    pub results: Vec<DeletionResult>,
}

/// Which documents to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteByFilter {
    /// Which metadata the documents must have, as `retrieval.filter` of a search. It must have a condition.
    #[schema(value_type = Object, example = json!({"department": "legal", "year": {"$lt": 2020}}))]
    pub filter: serde_json::Map<String, serde_json::Value>,
    /// Only counts the documents. Default: `false`.
    #[serde(default)]
    pub dry_run: bool,
    /// The `cursor` of the answer before. Default: begins with the newest document.
    #[schema(value_type = Option<DocumentIdText>)]
    pub cursor: Option<String>,
}

/// The deletions of one request.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedByFilter {
    /// Documents with this metadata among those that the request examined: at most 500.
    #[schema(example = 120)]
    pub matched: usize,
    /// One result for each document that the request deleted, newest first: at most 100. Empty after a dry run.
    pub results: Vec<DeletionResult>,
    /// Documents among those examined that have this metadata and were left.
    #[schema(example = 20)]
    pub remaining: usize,
    /// The `cursor` of the next request; `null` if all documents were examined and none is left.
    #[schema(value_type = Option<DocumentIdText>)]
    pub cursor: Option<String>,
}

/// Changes of a document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchDocument {
    /// New title, without control characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = TitleText)]
    pub title: Option<String>,
    /// A merge patch (RFC 7396) of the metadata: a value sets its key, `null` removes it. `null` instead of an object
    /// removes all keys.
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = metadata_patch_schema)]
    pub metadata: Option<Option<Fields>>,
}

/// Reads a member that is present: `null` is a value.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A document and its indexing status.
#[derive(Debug, Serialize, ToSchema)]
pub struct Document {
    /// Id of the document.
    #[schema(value_type = DocumentIdText)]
    pub id: String,
    /// Id of the document in your own system, if you gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ExternalIdText>)]
    pub external_id: Option<ExternalId>,
    /// Title.
    pub title: String,
    /// Content type.
    pub content_type: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether menus, page footers and cookie banners of HTML are kept.
    pub keep_boilerplate: bool,
    /// Metadata.
    #[schema(schema_with = metadata_schema)]
    pub metadata: Metadata,
    /// The status of the newest revision.
    #[schema(schema_with = status)]
    pub status: &'static str,
    /// Number of searchable passages.
    pub chunks: u32,
    /// Number of the newest revision, starting at 1. `status`, `title`, `metadata`, `content_type` and `bytes` refer to it.
    /// A revision whose content does not arrive within 30 minutes does not count.
    #[schema(example = 1)]
    pub revision: u32,
    /// Number of the searchable revision; `null` until the first revision is indexed.
    #[schema(example = 1)]
    pub ready_revision: Option<u32>,
    /// Progress of indexing, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why indexing waits. Only with the status `waiting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = waiting_reason)]
    pub waiting_reason: Option<&'static str>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Which text of the document is missing, and why; empty if nothing is.
    pub warnings: Vec<String>,
    /// Creation time, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Time of the last status change, RFC 3339.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// Progress of a document's indexing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Progress {
    /// Passages indexed so far.
    #[schema(example = 640)]
    pub indexed: u32,
    /// Passages in total.
    #[schema(example = 2913)]
    pub passages: u32,
}

/// The request that uploads a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upload {
    /// HTTP method.
    pub method: String,
    /// URL. Valid for one upload, because the bytes of a revision never change.
    pub url: String,
    /// Headers to send exactly as given.
    pub headers: BTreeMap<String, String>,
    /// Seconds until the URL expires.
    pub expires_in_seconds: u64,
}

/// A document and the request that uploads its content.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentUpload {
    /// The document.
    pub document: Document,
    /// The upload request.
    pub upload: Upload,
}

/// A page of documents, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentPage {
    /// The documents of this page.
    pub documents: Vec<Document>,
    /// The `cursor` parameter for the next page; `null` on the last page.
    pub cursor: Option<String>,
}

/// Where to download a document's file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    /// URL of the file, for `GET` without headers. Gives access to this file alone.
    pub url: String,
    /// Seconds until the URL expires.
    pub expires_in_seconds: u64,
    /// Name of the file, made from the title. The download has it, too.
    #[schema(example = "House rules.md")]
    pub file_name: String,
    /// Content type of the file.
    #[schema(example = "text/markdown; charset=utf-8")]
    pub content_type: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of the revision.
    #[schema(example = 1)]
    pub revision: u32,
}

/// A passage of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentPassage {
    /// Position in the document, starting at 0.
    pub chunk: u32,
    /// Text. Its first line names the document and the headings, if it has any.
    pub text: String,
    /// The headings above the passage, outermost first.
    pub headings: Vec<String>,
    /// The page on which the passage begins, from 1; only in documents with pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub page: Option<u32>,
    /// The characters of the document's text that the passage holds. Passages that were indexed before ranges existed
    /// have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<TextRange>,
}

/// A page of a document's passages, in order.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassagePage {
    /// The passages of this page.
    pub passages: Vec<DocumentPassage>,
    /// Number of the searchable revision that they belong to.
    #[schema(example = 1)]
    pub revision: u32,
    /// The `cursor` parameter for the next page; `null` on the last page.
    pub cursor: Option<String>,
}

impl From<Match> for DocumentPassage {
    fn from(found: Match) -> Self {
        Self {
            chunk: found.number,
            text: found.text,
            headings: found.headings,
            page: found.page,
            range: found.range.map(TextRange::from),
        }
    }
}

/// A document whose indexing failed for good. Redrive it to try again.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Id of the document.
    #[schema(value_type = DocumentIdText)]
    pub document: String,
    /// Why the last attempt failed.
    #[schema(example = "the PDF is encrypted; save it without a password")]
    pub last_error: String,
    /// Number of attempts.
    pub attempts: u32,
    /// Time the document was accepted, RFC 3339.
    #[schema(format = DateTime)]
    pub accepted_at: String,
    /// Time the job became a dead letter, RFC 3339.
    #[schema(format = DateTime)]
    pub dead_since: String,
}

/// A page of dead letters, oldest documents first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterPage {
    /// The dead letters of this page.
    pub dead_letters: Vec<DeadLetter>,
    /// The `cursor` parameter for the next page; `null` on the last page.
    pub cursor: Option<String>,
}

/// The redriven dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redriven {
    /// Ids of the documents whose jobs will run again.
    pub documents: Vec<String>,
    /// Whether more dead letters remain. If so, repeat the request.
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

impl From<Stored> for Document {
    fn from(stored: Stored) -> Self {
        let underway = !matches!(stored.status, DocumentStatus::Ready | DocumentStatus::Dead);
        let pending = stored.pending.filter(|_| underway);
        Self {
            id: stored.id.into(),
            external_id: stored.external_id,
            title: stored.title,
            content_type: stored.content_type,
            bytes: stored.bytes,
            keep_boilerplate: stored.keep_boilerplate,
            metadata: stored.metadata,
            status: stored.status.as_str(),
            chunks: stored.live.as_ref().map_or(0, |live| live.passages),
            revision: stored.revision.number(),
            ready_revision: stored.processed_revision.map(Revision::number),
            progress: pending
                .map(|pending| Progress { indexed: stored.indexed_passages, passages: pending.passages }),
            waiting_reason: stored.waiting_reason.map(WaitingReason::as_str),
            last_error: stored.last_error,
            warnings: stored.warnings,
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
