//! A document's record, as it is stored and as it is read.

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::{DocumentId, Revision};
use serde::{Deserialize, Serialize};

use super::super::items::Item;
use crate::clock::Moment;

/// How far a document has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Its bytes are expected at the upload URL.
    AwaitingUpload,
    /// Its bytes are stored, it waits to be indexed.
    Queued,
    /// It is being indexed.
    Processing,
    /// An attempt to index it failed; the next one follows. `reason` says why.
    Retrying,
    /// It waits until the tenant's jobs are worked on again.
    Parked,
    /// It can be found.
    Ready,
    /// It cannot be indexed; `reason` says why.
    Failed,
    /// It was deleted. Not shown to anybody; remembered until no job for it can be left.
    Deleted,
}

impl DocumentStatus {
    /// Returns the status as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingUpload => "awaiting_upload",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }
}

/// Content that is handed in.
#[derive(Debug, Clone)]
pub struct NewContent {
    /// The document's title. Sealed at rest.
    pub title: String,
    /// Its content type.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Whether the bytes come by an upload, later.
    pub by_upload: bool,
}

/// The passages of one revision in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// The revision.
    pub revision: Revision,
    /// How many passages it has.
    pub passages: u32,
    /// Fingerprint of what they were made of.
    pub hash: String,
}

/// A document's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// Its content type.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// How far its newest revision has come.
    pub status: DocumentStatus,
    /// Its newest revision.
    pub revision: Revision,
    /// The newest revision whose bytes came.
    pub accepted: Option<Revision>,
    /// The newest revision that was dealt with.
    pub settled: Option<Revision>,
    /// The oldest revision whose bytes may still be stored.
    pub oldest: Revision,
    /// What can be found.
    pub live: Option<Extent>,
    /// What is being indexed.
    pub pending: Option<Extent>,
    /// What could be found before, and may still be in the index.
    pub stale: Option<Extent>,
    /// Passages of `pending` that are in the index for certain.
    pub indexed: u32,
    /// Why it failed, for its owner.
    pub reason: Option<String>,
    /// When it was created.
    pub created_at: Moment,
    /// When its status last changed.
    pub updated_at: Moment,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub id: DocumentId,
    pub content_type: String,
    pub bytes: u64,
    pub status: DocumentStatus,
    pub revision: Revision,
    /// Whether the newest revision comes by an upload.
    pub by_upload: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Revision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Revision>,
    pub oldest: Revision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Extent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Extent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Extent>,
    #[serde(default)]
    pub in_index: u32,
    /// Where its job lies; moves together with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Whether nothing of a deleted document is left.
    #[serde(default)]
    pub cleaned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// Where a document's job lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Where jobs lie that are queued or running.
    Open,
    /// Where they wait for their time.
    Waiting,
    /// Where they lie after they were given up.
    Dead,
}

impl Place {
    /// Returns the place as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }
}

/// What decides whether a document's content is taken in.
#[derive(Debug)]
pub(crate) struct Standing {
    pub accepted: Option<Revision>,
    pub place: Option<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Details {
    pub title: String,
}

pub(super) fn is_shown(item: &Item) -> bool {
    item.get("status") != Some(&status(DocumentStatus::Deleted))
}

pub(super) fn status(status: DocumentStatus) -> AttributeValue {
    AttributeValue::S(status.as_str().to_owned())
}

pub(super) fn document(record: Record, details: Details) -> Document {
    Document {
        id: record.id,
        title: details.title,
        content_type: record.content_type,
        bytes: record.bytes,
        // What a job says is about what it was accepted for.
        status: match record.accepted {
            Some(accepted) if accepted == record.revision => record.status,
            _ if record.by_upload => DocumentStatus::AwaitingUpload,
            _ => DocumentStatus::Queued,
        },
        revision: record.revision,
        accepted: record.accepted,
        settled: record.settled,
        oldest: record.oldest,
        live: record.live,
        pending: record.pending,
        stale: record.stale,
        indexed: record.in_index,
        reason: record.reason.filter(|_| record.accepted == Some(record.revision)),
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}
