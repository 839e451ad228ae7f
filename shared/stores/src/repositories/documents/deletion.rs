//! Deletion of a document: marked first, then cleaned up; the record stays for 30 days.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use bulkhead_tenancy::names::DocumentId;

use super::record::{DocumentStatus, Record, status};
use super::repository::Documents;
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, key_attributes};
use crate::session::TenantSession;

/// How long the record of a deleted document, or of one whose upload never arrives, stays, seconds. Longer than
/// the 14 days that a message can stay in a queue.
pub(super) const KEEP_SECONDS: i64 = 30 * 24 * 60 * 60;
const DELETE: &str = "delete document";

impl TenantSession<'_> {
    /// Removes the passages and the bytes of a document that is deleted or that has no record. Returns
    /// `false`, and removes nothing, if the document exists. Idempotent.
    pub(crate) async fn erase(&self, document: &DocumentId) -> Result<bool, StoreError> {
        const OPERATION: &str = "read document";
        let item = items::get(self, OPERATION, &self.scope().document_key(document)).await?;
        let record: Option<Record> = item.map(|item| items::record(OPERATION, item)).transpose()?;
        // A document without a record has no passages: the record exists before the first passage.
        if let Some(record) = record {
            if record.status != DocumentStatus::Deleted {
                return Ok(false);
            }
            for extent in [record.live, record.pending, record.stale].into_iter().flatten() {
                self.passages().delete(document, extent.revision, 0..extent.passages).await?;
            }
        }
        self.objects().remove_all(document).await?;
        Ok(true)
    }
}

impl Documents<'_> {
    /// Deletes the document with its passages, bytes and dead job. Returns `false` if it does not exist.
    ///
    /// The mark comes first: from now on searches do not return the document, and a running worker cannot
    /// publish it and removes what it wrote. If this call ends early, a repeated one continues.
    pub async fn delete(&self, id: &DocumentId) -> Result<bool, StoreError> {
        if !self.mark_deleted(id).await? {
            return Ok(false);
        }
        self.session.erase(id).await?;
        self.session.jobs().discard_dead(id).await?;
        self.mark_cleaned(id).await?;
        Ok(true)
    }

    /// Marks the document as deleted. Returns `false` if it does not exist or its data is removed.
    ///
    /// From now on no worker writes data for the document, and searches do not return its passages. The
    /// record stays longer than any job of the document.
    async fn mark_deleted(&self, id: &DocumentId) -> Result<bool, StoreError> {
        let expires_at = clock::now().as_seconds() + KEEP_SECONDS;
        let marked = self
            .session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(id))))
            .update_expression(
                "SET #status = :deleted, updated_at = :now, expires_at = :expires REMOVE sealed, external_id, announced, waiting_reason, last_error",
            )
            .condition_expression("attribute_exists(pk) AND (#status <> :deleted OR cleaned = :no)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", status(DocumentStatus::Deleted))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":now", AttributeValue::S(clock::now().to_string()))
            .expression_attribute_values(":expires", AttributeValue::N(expires_at.to_string()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .during(DELETE);
        let before = match marked {
            Ok(marked) => marked.attributes.unwrap_or_default(),
            Err(StoreError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        // The mark frees the external id. Without its item, the next document with the id needs no takeover.
        if let Some(hash) = items::record::<Record>(DELETE, before)?.external_id_hash {
            self.free_external_id(id, &hash).await?;
        }
        Ok(true)
    }

    /// Records that the data of a deleted document is removed.
    async fn mark_cleaned(&self, id: &DocumentId) -> Result<(), StoreError> {
        self.change(
            id,
            "SET cleaned = :yes, updated_at = :now",
            "#status = :deleted",
            [(":yes", AttributeValue::Bool(true)), (":deleted", status(DocumentStatus::Deleted))],
        )
        .await?;
        Ok(())
    }
}
