//! The records of a tenant's documents.

mod deletion;
mod progress;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::{DocumentId, Purpose, SortPrefix};
use serde::{Deserialize, Serialize};

use super::items::{self, Item, SEALED};
use super::{Page, PageLimit};
use crate::clock::Moment;
use crate::error::Classify;
use crate::{StoreError, TenantSession};

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

/// A document to be recorded.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// Its id, chosen by us.
    pub id: DocumentId,
    /// Its title. Sealed at rest.
    pub title: String,
    /// Its content type.
    pub content_type: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// [`DocumentStatus::AwaitingUpload`] or [`DocumentStatus::Queued`].
    pub status: DocumentStatus,
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
    /// How far it has come.
    pub status: DocumentStatus,
    /// Passages in the index.
    pub passages: u32,
    /// Why it failed, for its owner.
    pub reason: Option<String>,
    /// Hash of the bytes that were indexed last.
    pub content_hash: Option<String>,
    /// When it was created.
    pub created_at: Moment,
    /// When its status last changed.
    pub updated_at: Moment,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    id: DocumentId,
    content_type: String,
    bytes: u64,
    status: DocumentStatus,
    #[serde(default)]
    passages: u32,
    /// Passages that may be in the index: noted before the first one is written.
    #[serde(default)]
    reserved: u32,
    /// Whether nothing of a deleted document is left.
    #[serde(default)]
    cleaned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
    created_at: Moment,
    updated_at: Moment,
}

#[derive(Debug, Serialize, Deserialize)]
struct Details {
    title: String,
}

/// The tenant's document records.
pub struct Documents<'s> {
    session: TenantSession<'s>,
}

impl<'s> Documents<'s> {
    pub(crate) fn new(session: TenantSession<'s>) -> Self {
        Self { session }
    }

    /// Records a new document.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the id is taken.
    pub async fn create(&self, new: NewDocument) -> Result<Document, StoreError> {
        const OPERATION: &str = "create document";
        let now = Moment::now();
        let key = self.session.scope().document_key(&new.id);
        let record = Record {
            id: new.id,
            content_type: new.content_type,
            bytes: new.bytes,
            status: new.status,
            passages: 0,
            reserved: 0,
            cleaned: false,
            reason: None,
            content_hash: None,
            created_at: now,
            updated_at: now,
        };
        let details = Details { title: new.title };
        let mut item = items::item(&key, &record)?;
        item.insert(SEALED.to_owned(), items::seal(&self.session, Purpose::Document, &key, &details).await?);
        let written = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .during(OPERATION);
        match written {
            // The answer to a first attempt was lost: no two seals are alike.
            Err(StoreError::Conflict { .. })
                if items::get(&self.session, OPERATION, &key)
                    .await?
                    .is_some_and(|found| found.get(SEALED) == item.get(SEALED)) => {}
            other => drop(other?),
        }
        Ok(document(record, details))
    }

    /// Returns the document, or `None` where this tenant has none of this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        let key = self.session.scope().document_key(id);
        match items::get(&self.session, "read document", &key).await? {
            Some(item) if is_shown(&item) => Ok(Some(self.read(id, item).await?)),
            _ => Ok(None),
        }
    }

    /// Lists the tenant's documents by id (oldest first), after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(
        &self,
        limit: PageLimit,
        after: Option<&DocumentId>,
    ) -> Result<Page<Document, DocumentId>, StoreError> {
        const OPERATION: &str = "list documents";
        let after = after.map(|id| self.session.scope().document_key(id));
        let (found, more) =
            items::list(&self.session, OPERATION, SortPrefix::Document, after, limit, is_shown).await?;
        let mut documents = Vec::with_capacity(found.len());
        for item in found {
            let Record { id, .. } = items::record(OPERATION, item.clone())?;
            documents.push(self.read(&id, item).await?);
        }
        Ok(Page::new(documents, more, |document| document.id.clone()))
    }

    /// Deletes the record; that it was gone is no error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, id: &DocumentId) -> Result<(), StoreError> {
        items::delete(&self.session, "delete document", &self.session.scope().document_key(id)).await
    }

    /// Whether the tenant still has the document.
    pub(super) async fn is_there(&self, id: &DocumentId) -> Result<bool, StoreError> {
        let key = self.session.scope().document_key(id);
        Ok(items::get(&self.session, "read document", &key).await?.as_ref().is_some_and(is_shown))
    }

    async fn read(&self, id: &DocumentId, item: Item) -> Result<Document, StoreError> {
        let key = self.session.scope().document_key(id);
        let details: Details = items::open(&self.session, Purpose::Document, &key, &item).await?;
        Ok(document(items::record("read document", item)?, details))
    }
}

fn is_shown(item: &Item) -> bool {
    item.get("status") != Some(&status(DocumentStatus::Deleted))
}

fn status(status: DocumentStatus) -> AttributeValue {
    AttributeValue::S(status.as_str().to_owned())
}

fn document(record: Record, details: Details) -> Document {
    Document {
        id: record.id,
        title: details.title,
        content_type: record.content_type,
        bytes: record.bytes,
        status: record.status,
        passages: record.passages,
        reason: record.reason,
        content_hash: record.content_hash,
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}
