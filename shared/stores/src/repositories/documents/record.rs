//! A document's record, as it is stored and as it is read.

use std::ops::Not;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::{Timestamp, rfc3339};
use bulkhead_tenancy::names::{DocumentId, ExternalId, ExternalIdHash, Revision};
use serde::{Deserialize, Serialize};

use super::announcement::{Announcement, Announcements};
use super::metadata::Metadata;
use crate::items::Item;

/// A condition of writes: the document exists and is not deleted. `:deleted` is the status `deleted`.
pub(crate) const NOT_DELETED: &str = "attribute_exists(pk) AND #status <> :deleted";

/// The status of a document's newest revision.
///
/// ```text
///  upload announced            content sent inline
///         │                            │
///         ▼        bytes stored        ▼     worker starts              indexed
///  awaiting_upload ────────────────► queued ───────────────► running ────────────► ready
///                                      ▲                      │   │                  │
///                                      │      retry, continue │   │ no attempt left, │ new revision
///                              requeue │                      ▼   │ unreadable       ▼
///                                      └─────────────────── waiting                queued or
///                                                             ▲   │                awaiting_upload
///                                                     redrive │   ▼
///                                                             └─ dead
///
///  any status ── DELETE ──► deleted (the record stays for 30 days; clean-up removes the data)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// The upload URL is signed; the bytes are not stored yet.
    AwaitingUpload,
    /// The bytes are stored; the job waits for a worker.
    Queued,
    /// A worker indexes the document.
    Running,
    /// The job waits; [`Document::waiting_reason`] says why.
    Waiting,
    /// The document is searchable.
    Ready,
    /// The job is dead; [`Document::last_error`] says why.
    Dead,
    /// The document is deleted. Never shown; the record stays for 30 days, longer than any job.
    Deleted,
}

impl DocumentStatus {
    /// Every status that a client can see.
    pub const SHOWN: [Self; 6] =
        [Self::AwaitingUpload, Self::Queued, Self::Running, Self::Waiting, Self::Ready, Self::Dead];

    /// Returns the status as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingUpload => "awaiting_upload",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Dead => "dead",
            Self::Deleted => "deleted",
        }
    }
}

/// Why a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingReason {
    /// The last attempt failed. The next one follows after a delay.
    Retry,
    /// The tenant's circuit is open.
    CircuitOpen,
    /// No worker is free: the tenant's worker slots or the tier's environments are in use.
    OverLimit,
    /// The work takes longer than one invocation and continues in another.
    Continued,
    /// The tenant's budget of tokens or money has no room.
    Budget,
    /// The job's message or worker disappeared.
    Lost,
    /// The tenant gave a dead job a new start.
    Redriven,
}

impl WaitingReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Retry,
        Self::CircuitOpen,
        Self::OverLimit,
        Self::Continued,
        Self::Budget,
        Self::Lost,
        Self::Redriven,
    ];

    /// Returns the reason as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::CircuitOpen => "circuit_open",
            Self::OverLimit => "over_limit",
            Self::Continued => "continued",
            Self::Budget => "budget",
            Self::Lost => "lost",
            Self::Redriven => "redriven",
        }
    }
}

/// Content that a client sends or announces.
#[derive(Debug, Clone)]
pub struct NewContent {
    /// The document's title. Sealed at rest.
    pub title: String,
    /// Its content type.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Whether the client uploads the bytes later.
    pub by_upload: bool,
    /// Whether menus, page footers and cookie banners of HTML are kept.
    pub keep_boilerplate: bool,
    /// Its metadata. Sealed at rest; readable to the service in the index.
    pub metadata: Metadata,
}

/// The passages of one revision in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// The revision.
    pub revision: Revision,
    /// The number of passages.
    pub passages: u32,
    /// Hash of the title, the metadata, the content type, the bytes, the readers and their options.
    pub hash: String,
}

/// A document's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its id in the tenant's own system.
    pub external_id: Option<ExternalId>,
    /// Its title.
    pub title: String,
    /// Its content type.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Whether menus, page footers and cookie banners of HTML are kept.
    pub keep_boilerplate: bool,
    /// Its metadata.
    pub metadata: Metadata,
    /// The status of the newest revision.
    pub status: DocumentStatus,
    /// Why the job waits; `None` in any other status.
    pub waiting_reason: Option<WaitingReason>,
    /// The revision that the other fields describe: the newest one that is received or outstanding.
    pub revision: Revision,
    /// The newest revision whose bytes are stored.
    pub received_revision: Option<Revision>,
    /// The newest revision that was indexed, or that equals the indexed one.
    pub processed_revision: Option<Revision>,
    /// The oldest revision whose bytes may still be stored.
    pub oldest_stored_revision: Revision,
    /// The searchable revision.
    pub live: Option<Extent>,
    /// The revision that is being indexed.
    pub pending: Option<Extent>,
    /// The revision that was searchable before. Its passages may still be in the index.
    pub stale: Option<Extent>,
    /// The number of passages of `pending` that are in the index.
    pub indexed_passages: u32,
    /// Why the last attempt failed, in words for the document's owner.
    pub last_error: Option<String>,
    /// Which text of the revision that was read last is missing, in words for the document's owner.
    pub warnings: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub id: DocumentId,
    /// The hash of its external id. The id is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id_hash: Option<ExternalIdHash>,
    pub content_type: String,
    pub bytes: u64,
    pub status: DocumentStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<WaitingReason>,
    /// The newest revision that was ever announced.
    pub revision: Revision,
    /// Whether the client uploads the first revision.
    pub by_upload: bool,
    /// The announced revisions after the first one, until they are received.
    #[serde(default)]
    pub announced: Announcements,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_revision: Option<Revision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed_revision: Option<Revision>,
    pub oldest_stored_revision: Revision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Extent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Extent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Extent>,
    #[serde(default)]
    pub indexed_passages: u32,
    /// Where the document's job is stored. Each move of the job updates it in the same transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_location: Option<JobLocation>,
    /// Whether the data of a deleted document is removed.
    #[serde(default)]
    pub cleaned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(default)]
    pub warnings: Vec<String>,
    #[serde(with = "rfc3339")]
    pub created_at: Timestamp,
    #[serde(with = "rfc3339")]
    pub updated_at: Timestamp,
}

/// Where a document's job is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobLocation {
    /// Under `JOB#`: queued or running.
    Active,
    /// Under `WAITING#`.
    Waiting,
    /// Under `DEAD#`.
    Dead,
}

impl JobLocation {
    /// Returns the location as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }
}

/// The part of a record that decides whether a revision is accepted.
#[derive(Debug)]
pub(crate) struct IngestionState {
    /// The newest revision that was ever announced.
    pub newest: Revision,
    pub received: Option<Revision>,
    pub job_location: Option<JobLocation>,
    pub announced: Announcements,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Details {
    pub title: String,
    #[serde(default, skip_serializing_if = "Not::not")]
    pub keep_boilerplate: bool,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

impl Details {
    pub fn of(content: &NewContent) -> Self {
        Self {
            title: content.title.clone(),
            keep_boilerplate: content.keep_boilerplate,
            metadata: content.metadata.clone(),
        }
    }
}

pub(super) fn is_shown(item: &Item) -> bool {
    item.get("status") != Some(&status(DocumentStatus::Deleted))
}

pub(super) fn status(status: DocumentStatus) -> AttributeValue {
    AttributeValue::S(status.as_str().to_owned())
}

/// Returns the document as its newest received revision describes it, without its external id.
pub(super) fn document(record: Record, details: Details) -> Document {
    let status = match (record.received_revision, record.by_upload) {
        (Some(_), _) => record.status,
        (None, true) => DocumentStatus::AwaitingUpload,
        (None, false) => DocumentStatus::Queued,
    };
    Document {
        id: record.id,
        external_id: None,
        title: details.title,
        keep_boilerplate: details.keep_boilerplate,
        metadata: details.metadata,
        content_type: record.content_type,
        bytes: record.bytes,
        status,
        waiting_reason: record.waiting_reason,
        revision: record.received_revision.unwrap_or(Revision::FIRST),
        received_revision: record.received_revision,
        processed_revision: record.processed_revision,
        oldest_stored_revision: record.oldest_stored_revision,
        live: record.live,
        pending: record.pending,
        stale: record.stale,
        indexed_passages: record.indexed_passages,
        last_error: record.last_error,
        warnings: record.warnings,
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}

/// Returns `document` as the outstanding `revision` describes it.
pub(super) fn outstanding(
    document: Document,
    revision: Revision,
    announced: Announcement,
    details: Details,
) -> Document {
    Document {
        title: details.title,
        keep_boilerplate: details.keep_boilerplate,
        metadata: details.metadata,
        content_type: announced.content_type,
        bytes: announced.bytes,
        status: if announced.by_upload { DocumentStatus::AwaitingUpload } else { DocumentStatus::Queued },
        waiting_reason: None,
        last_error: None,
        warnings: vec![],
        revision,
        ..document
    }
}
