//! How far a document has come: every change is conditional on the state it expects.

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::DocumentId;

use super::super::items::key_attributes;
use super::{DocumentStatus, Documents, status};
use crate::StoreError;
use crate::clock::Moment;
use crate::error::Classify;

/// What every change of a document's progress wants.
const STILL_THERE: &str = "attribute_exists(pk) AND #status <> :deleted";

impl Documents<'_> {
    /// Notes that the document's bytes have arrived. `false` where it is not waiting
    /// for them (they were noted before, or the document is gone).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn uploaded(&self, id: &DocumentId, bytes: u64) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :queued, bytes = :bytes, updated_at = :now",
            "#status = :awaiting",
            [
                (":queued", status(DocumentStatus::Queued)),
                (":awaiting", status(DocumentStatus::AwaitingUpload)),
                (":bytes", AttributeValue::N(bytes.to_string())),
            ],
        )
        .await
    }

    /// Notes that `passages` passages are about to be indexed. `false` where the document
    /// is gone: nothing may be written for it any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn processing(&self, id: &DocumentId, passages: u32) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :processing, reserved = :passages, updated_at = :now",
            STILL_THERE,
            [
                (":processing", status(DocumentStatus::Processing)),
                (":passages", AttributeValue::N(passages.to_string())),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Notes that the document can be found by `passages` passages. `false` where it is
    /// gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ready(
        &self,
        id: &DocumentId,
        passages: u32,
        bytes: u64,
        content_hash: &str,
    ) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :ready, passages = :passages, bytes = :bytes, content_hash = :hash, updated_at = :now \
             REMOVE reason",
            STILL_THERE,
            [
                (":deleted", status(DocumentStatus::Deleted)),
                (":ready", status(DocumentStatus::Ready)),
                (":passages", AttributeValue::N(passages.to_string())),
                (":bytes", AttributeValue::N(bytes.to_string())),
                (":hash", AttributeValue::S(content_hash.to_owned())),
            ],
        )
        .await
    }

    pub(super) async fn change<const N: usize>(
        &self,
        id: &DocumentId,
        update: &str,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<bool, StoreError> {
        let mut call = self
            .session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(id))))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", AttributeValue::S(Moment::now().to_string()));
        for (name, value) in values {
            call = call.expression_attribute_values(name, value);
        }
        match call.send().await.during("update document") {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
