//! Documents by the ids of the tenant's own system.
//!
//! An item under `EXTERNAL#` names the document that has an external id. One transaction creates the item and the
//! document. The item counts only while the document exists and has the id, so a deletion frees the id with its first
//! write, and a deletion that ends early leaves nothing that blocks the id.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use bulkhead_tenancy::names::{DocumentId, ExternalId, ExternalIdHash};
use serde::{Deserialize, Serialize};

use super::record::{Document, NewContent, Record, is_shown};
use super::repository::{Documents, MAX_ATTEMPTS, Replacement};
use crate::error::{Classify, StoreError};
use crate::items::{self, key_attributes, text};
use crate::transaction::{malformed, transact};

const UPSERT: &str = "upsert document";
const FREE: &str = "free external id";
const NO_ITEM: &str = "attribute_not_exists(pk)";

/// Which document has an external id.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    document: DocumentId,
}

/// The result of an upsert.
#[derive(Debug)]
pub enum Upsert {
    /// The id was free: the new document.
    Created(Box<Document>),
    /// A document has the id: what became of the announcement of its next revision.
    Replaced(Replacement),
}

impl Documents<'_> {
    /// Returns the document with an external id; `None` if there is none.
    pub async fn find(&self, external_id: &ExternalId) -> Result<Option<Document>, StoreError> {
        let hash = self.session.scope().external_id_hash(external_id);
        match self.owner(&hash).await? {
            Some((id, true)) => {
                let found = self.get(&id).await?;
                Ok(found.filter(|found| found.external_id.as_ref() == Some(external_id)))
            }
            _ => Ok(None),
        }
    }

    /// Creates the document `new_id` with an external id, or announces the next revision of the document that has the
    /// id. Of two calls at the same time, one creates the document.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other writers win every race.
    pub async fn upsert(
        &self,
        new_id: &DocumentId,
        external_id: &ExternalId,
        content: NewContent,
    ) -> Result<Upsert, StoreError> {
        let hash = self.session.scope().external_id_hash(external_id);
        for _ in 0..MAX_ATTEMPTS {
            let former = match self.owner(&hash).await? {
                Some((id, true)) => match self.replace(&id, content.clone()).await? {
                    // Deleted since it was read.
                    Replacement::NotFound => continue,
                    replaced => return Ok(Upsert::Replaced(replaced)),
                },
                Some((former, false)) => Some(former),
                None => None,
            };
            let (item, document) = self.new_item(new_id.clone(), content.clone(), Some(external_id)).await?;
            if self.try_create(item, &hash, &document.id, former.as_ref()).await? {
                return Ok(Upsert::Created(Box::new(document)));
            }
        }
        Err(StoreError::Conflict { operation: UPSERT })
    }

    /// Writes the document and the item of its external id, unless another document took the id since `former` was
    /// read. Returns whether it wrote both.
    async fn try_create(
        &self,
        item: items::Item,
        hash: &ExternalIdHash,
        id: &DocumentId,
        former: Option<&DocumentId>,
    ) -> Result<bool, StoreError> {
        let table = &self.session.settings().table;
        let key = self.session.scope().external_id_key(hash);
        let owner = Put::builder()
            .table_name(table)
            .set_item(Some(items::item(&key, &Owner { document: id.clone() })?));
        let owner = match former {
            None => owner.condition_expression(NO_ITEM),
            Some(former) => owner
                .condition_expression("#document = :former")
                .expression_attribute_names("#document", "document")
                .expression_attribute_values(":former", text(former.as_str())),
        };
        let document = Put::builder().table_name(table).set_item(Some(item)).condition_expression(NO_ITEM);
        let mut writes = vec![];
        for put in [owner, document] {
            writes.push(TransactWriteItem::builder().put(put.build().map_err(malformed)?).build());
        }
        Ok(transact(&self.session, UPSERT, writes).await?.is_none())
    }

    /// Returns the document in the item of an external id, and whether it still has the id.
    async fn owner(&self, hash: &ExternalIdHash) -> Result<Option<(DocumentId, bool)>, StoreError> {
        let scope = self.session.scope();
        let Some(item) = items::get(&self.session, UPSERT, &scope.external_id_key(hash)).await? else {
            return Ok(None);
        };
        let Owner { document } = items::record(UPSERT, item)?;
        let record =
            items::get(&self.session, UPSERT, &scope.document_key(&document)).await?.filter(is_shown);
        let record: Option<Record> = record.map(|item| items::record(UPSERT, item)).transpose()?;
        let has_id = record.is_some_and(|record| record.external_id_hash.as_ref() == Some(hash));
        Ok(Some((document, has_id)))
    }

    /// Deletes the item of the external id of a deleted document, unless another document took the id.
    pub(super) async fn free_external_id(
        &self,
        id: &DocumentId,
        hash: &ExternalIdHash,
    ) -> Result<(), StoreError> {
        let freed = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().external_id_key(hash))))
            .condition_expression("attribute_not_exists(pk) OR #document = :document")
            .expression_attribute_names("#document", "document")
            .expression_attribute_values(":document", text(id.as_str()))
            .send()
            .await
            .during(FREE);
        match freed {
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
