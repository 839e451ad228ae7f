//! The records of a tenant's documents.
//!
//! A document's content comes in *revisions*. Three numbers say how far it is: the newest
//! revision that was announced, the newest whose bytes came, and the newest that was dealt
//! with. What can be found is one revision at a time, named by the record: a reader sees the
//! old passages until one write makes the new ones visible, and never some of each.

mod deletion;
mod progress;
mod record;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use bulkhead_tenancy::names::{DocumentId, Purpose, Revision, SortPrefix};

use super::items::{self, Item, SEALED, key_attributes};
use super::{Page, PageLimit};
use crate::clock::Moment;
use crate::error::Classify;
use crate::{StoreError, TenantSession};

pub use deletion::Remains;
pub use record::{Document, DocumentStatus, Extent, NewContent};
pub(crate) use record::{Place, Standing};

use record::{Details, Record, document, is_shown, status};

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
    pub async fn create(&self, id: DocumentId, content: NewContent) -> Result<Document, StoreError> {
        const OPERATION: &str = "create document";
        let now = Moment::now();
        let key = self.session.scope().document_key(&id);
        let record = Record {
            id,
            content_type: content.content_type,
            bytes: content.bytes,
            status: DocumentStatus::Queued,
            revision: Revision::FIRST,
            by_upload: content.by_upload,
            accepted: None,
            settled: None,
            oldest: Revision::FIRST,
            live: None,
            pending: None,
            stale: None,
            in_index: 0,
            place: None,
            cleaned: false,
            reason: None,
            created_at: now,
            updated_at: now,
        };
        let details = Details { title: content.title };
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

    /// Announces content that replaces the document's, under the revision that the record
    /// returned names. What can be found stays until that is indexed. `None` where this
    /// tenant has no such document.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace(
        &self,
        id: &DocumentId,
        content: NewContent,
    ) -> Result<Option<Document>, StoreError> {
        const OPERATION: &str = "replace document";
        let key = self.session.scope().document_key(id);
        let details = Details { title: content.title };
        let updated = self
            .session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&key)))
            .update_expression(
                "SET revision = revision + :one, by_upload = :by_upload, content_type = :type, bytes = :bytes, \
                 updated_at = :now, sealed = :sealed",
            )
            .condition_expression(progress::STILL_THERE)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", status(DocumentStatus::Deleted))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":by_upload", AttributeValue::Bool(content.by_upload))
            .expression_attribute_values(":type", AttributeValue::S(content.content_type))
            .expression_attribute_values(":bytes", AttributeValue::N(content.bytes.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(Moment::now().to_string()))
            .expression_attribute_values(
                ":sealed",
                items::seal(&self.session, Purpose::Document, &key, &details).await?,
            )
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            // Its job moves at this moment. That it is not there must not be said of that.
            Err(error) if error.code() == Some("TransactionConflictException") => {
                Err(StoreError::Throttled { operation: OPERATION, source: Box::new(error) })
            }
            other => match other.during(OPERATION) {
                Ok(updated) => {
                    let record = items::record(OPERATION, updated.attributes.unwrap_or_default())?;
                    Ok(Some(document(record, details)))
                }
                Err(StoreError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        }
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

    /// Returns the revision of the document that can be found: `None` where the document is
    /// gone, or none of it can be found yet.
    pub(super) async fn live_revision(&self, id: &DocumentId) -> Result<Option<Revision>, StoreError> {
        Ok(self.shown(id).await?.and_then(|record| record.live).map(|live| live.revision))
    }

    /// Returns how the document stands; `None` where it is gone.
    pub(crate) async fn standing(&self, id: &DocumentId) -> Result<Option<Standing>, StoreError> {
        let record = self.shown(id).await?;
        Ok(record.map(|record| Standing { accepted: record.accepted, place: record.place }))
    }

    async fn shown(&self, id: &DocumentId) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "read document";
        let key = self.session.scope().document_key(id);
        let item = items::get(&self.session, OPERATION, &key).await?.filter(is_shown);
        item.map(|item| items::record(OPERATION, item)).transpose()
    }

    async fn read(&self, id: &DocumentId, item: Item) -> Result<Document, StoreError> {
        let key = self.session.scope().document_key(id);
        let details: Details = items::open(&self.session, Purpose::Document, &key, &item).await?;
        Ok(document(items::record("read document", item)?, details))
    }
}
