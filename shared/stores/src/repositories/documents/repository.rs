use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use bulkhead_tenancy::names::{DocumentId, Purpose, Revision, SortPrefix};

use super::record::{
    Details, Document, DocumentStatus, IngestionState, NOT_DELETED, NewContent, Record, document, is_shown,
    status,
};
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, key_attributes};
use crate::page::{Page, PageLimit};
use crate::session::TenantSession;

/// The tenant's document records.
pub struct Documents<'s> {
    pub(super) session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's document records.
    pub fn documents(&self) -> Documents<'s> {
        Documents { session: *self }
    }
}

impl Documents<'_> {
    /// Records a new document.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the id is in use.
    pub async fn create(&self, id: DocumentId, content: NewContent) -> Result<Document, StoreError> {
        const OPERATION: &str = "create document";
        let now = clock::now();
        let key = self.session.scope().document_key(&id);
        let record = Record {
            id,
            content_type: content.content_type,
            bytes: content.bytes,
            status: DocumentStatus::Queued,
            revision: Revision::FIRST,
            by_upload: content.by_upload,
            waiting_reason: None,
            received_revision: None,
            processed_revision: None,
            oldest_stored_revision: Revision::FIRST,
            live: None,
            pending: None,
            stale: None,
            indexed_passages: 0,
            job_location: None,
            cleaned: false,
            last_error: None,
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
            // The answer to an earlier attempt was lost. The stored item has our seal, and no two seals are
            // equal.
            Err(StoreError::Conflict { .. })
                if items::get(&self.session, OPERATION, &key)
                    .await?
                    .is_some_and(|found| found.get(SEALED) == item.get(SEALED)) => {}
            other => drop(other?),
        }
        Ok(document(record, details))
    }

    /// Announces the next revision and returns the updated record; `None` if the document does not exist.
    ///
    /// The previous revision stays searchable until the new one is indexed.
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
            .condition_expression(NOT_DELETED)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", status(DocumentStatus::Deleted))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":by_upload", AttributeValue::Bool(content.by_upload))
            .expression_attribute_values(":type", AttributeValue::S(content.content_type))
            .expression_attribute_values(":bytes", AttributeValue::N(content.bytes.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(clock::now().to_string()))
            .expression_attribute_values(
                ":sealed",
                items::seal(&self.session, Purpose::Document, &key, &details).await?,
            )
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            // The document's job moves at this moment. This is not "the document does not exist".
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

    /// Returns the document; `None` if it does not exist.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        let key = self.session.scope().document_key(id);
        match items::get(&self.session, "read document", &key).await? {
            Some(item) if is_shown(&item) => Ok(Some(self.read(id, item).await?)),
            _ => Ok(None),
        }
    }

    /// Lists the documents after `after`, by id (oldest first).
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

    /// Returns the searchable revision; `None` if there is none or the document does not exist.
    pub(crate) async fn live_revision(&self, id: &DocumentId) -> Result<Option<Revision>, StoreError> {
        Ok(self.shown(id).await?.and_then(|record| record.live).map(|live| live.revision))
    }

    /// Returns the ingestion state of the document; `None` if it does not exist.
    pub(crate) async fn ingestion_state(
        &self,
        id: &DocumentId,
    ) -> Result<Option<IngestionState>, StoreError> {
        let record = self.shown(id).await?;
        Ok(record.map(|record| IngestionState {
            received: record.received_revision,
            job_location: record.job_location,
        }))
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
