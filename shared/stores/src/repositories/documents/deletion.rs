//! The end of a document: marked first, cleaned up, remembered for a while.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use bulkhead_tenancy::names::{DocumentId, Revision};

use super::super::items::{self, key_attributes};
use super::{DocumentStatus, Documents, Extent, Record, status};
use crate::StoreError;
use crate::clock::Moment;
use crate::error::Classify;

/// How long a deleted document is remembered: longer than the 14 days a message can
/// wait in a queue and then in its dead-letter queue, seconds.
const GRAVE_SECONDS: i64 = 30 * 24 * 60 * 60;

/// What may be left of a document that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// Passages in the index.
    pub extents: Vec<Extent>,
    /// The oldest revision whose bytes may be stored.
    pub oldest: Revision,
    /// The newest one.
    pub newest: Revision,
}

impl Remains {
    fn of(record: Record) -> Self {
        let extents = [record.live, record.pending, record.stale].into_iter().flatten().collect();
        Self { extents, oldest: record.oldest, newest: record.revision }
    }
}

impl Documents<'_> {
    /// Marks the document as deleted and returns what may be left of it; `None` where this
    /// tenant has no such document, or nothing is left of it.
    ///
    /// From here on nothing is written for it any more, and its passages are not found.
    /// The mark stays longer than any job for the document can.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bury(&self, id: &DocumentId) -> Result<Option<Remains>, StoreError> {
        let forget_at = Moment::now().as_second() + GRAVE_SECONDS;
        let buried = self
            .session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(id))))
            .update_expression(
                "SET #status = :deleted, updated_at = :now, expires_at = :forget REMOVE sealed, reason",
            )
            .condition_expression("attribute_exists(pk) AND (#status <> :deleted OR cleaned = :no)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", status(DocumentStatus::Deleted))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":now", AttributeValue::S(Moment::now().to_string()))
            .expression_attribute_values(":forget", AttributeValue::N(forget_at.to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .during("delete document");
        match buried {
            Ok(buried) => {
                let record = items::record("delete document", buried.attributes.unwrap_or_default())?;
                Ok(Some(Remains::of(record)))
            }
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that nothing is left of a deleted document.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cleaned(&self, id: &DocumentId) -> Result<(), StoreError> {
        self.change(
            id,
            "SET cleaned = :yes, updated_at = :now",
            "#status = :deleted",
            [(":yes", AttributeValue::Bool(true)), (":deleted", status(DocumentStatus::Deleted))],
        )
        .await?;
        Ok(())
    }

    /// Returns what may be left of a deleted document; `None` where it is not known to be
    /// deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remains(&self, id: &DocumentId) -> Result<Option<Remains>, StoreError> {
        const OPERATION: &str = "read document";
        let key = self.session.scope().document_key(id);
        let Some(item) = items::get(&self.session, OPERATION, &key).await? else { return Ok(None) };
        let record: Record = items::record(OPERATION, item)?;
        Ok((record.status == DocumentStatus::Deleted).then(|| Remains::of(record)))
    }
}
