//! Deletion of a document: marked first, then cleaned up; the record stays for 30 days.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use bulkhead_tenancy::names::{DocumentId, Revision};

use super::record::{DocumentStatus, Extent, Record, status};
use super::repository::Documents;
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, key_attributes};

/// How long the record of a deleted document stays, seconds. Longer than the 14 days that a message can
/// stay in a queue.
const KEEP_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The data that may be left of a deleted document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    /// The passages in the index.
    pub extents: Vec<Extent>,
    /// The oldest revision whose bytes may be stored.
    pub oldest: Revision,
    /// The newest one.
    pub newest: Revision,
}

impl Leftovers {
    fn of(record: Record) -> Self {
        let extents = [record.live, record.pending, record.stale].into_iter().flatten().collect();
        Self { extents, oldest: record.oldest_stored_revision, newest: record.revision }
    }
}

impl Documents<'_> {
    /// Marks the document as deleted and returns its leftovers; `None` if the document does not exist or no
    /// data is left.
    ///
    /// From now on no worker writes data for the document, and searches do not return its passages. The
    /// record stays longer than any job of the document.
    pub async fn mark_deleted(&self, id: &DocumentId) -> Result<Option<Leftovers>, StoreError> {
        let expires_at = clock::now().as_seconds() + KEEP_SECONDS;
        let marked = self
            .session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(id))))
            .update_expression(
                "SET #status = :deleted, updated_at = :now, expires_at = :expires REMOVE sealed, waiting_reason, last_error",
            )
            .condition_expression("attribute_exists(pk) AND (#status <> :deleted OR cleaned = :no)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", status(DocumentStatus::Deleted))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":now", AttributeValue::S(clock::now().to_string()))
            .expression_attribute_values(":expires", AttributeValue::N(expires_at.to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .during("delete document");
        match marked {
            Ok(marked) => {
                let record = items::record("delete document", marked.attributes.unwrap_or_default())?;
                Ok(Some(Leftovers::of(record)))
            }
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Records that the data of a deleted document is removed.
    pub async fn mark_cleaned(&self, id: &DocumentId) -> Result<(), StoreError> {
        self.change(
            id,
            "SET cleaned = :yes, updated_at = :now",
            "#status = :deleted",
            [(":yes", AttributeValue::Bool(true)), (":deleted", status(DocumentStatus::Deleted))],
        )
        .await?;
        Ok(())
    }

    /// Returns the leftovers of a deleted document; `None` if no record says that it is deleted.
    pub async fn leftovers(&self, id: &DocumentId) -> Result<Option<Leftovers>, StoreError> {
        const OPERATION: &str = "read document";
        let key = self.session.scope().document_key(id);
        let Some(item) = items::get(&self.session, OPERATION, &key).await? else { return Ok(None) };
        let record: Record = items::record(OPERATION, item)?;
        Ok((record.status == DocumentStatus::Deleted).then(|| Leftovers::of(record)))
    }
}
