//! The progress of indexing. Each change is conditional on the state that it expects.

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::{DocumentId, Revision};

use super::record::{DocumentStatus, Extent, NOT_DELETED, status};
use super::repository::Documents;
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{attribute, key_attributes, number};

impl Documents<'_> {
    /// Records that indexing of `extent` starts, and returns whether the document still exists.
    ///
    /// `warnings` tell the document's owner which text is missing.
    ///
    /// Must happen before the first passage is written: a deletion reads the number of passages from the
    /// record. If the document does not exist, no passage may be written.
    pub async fn start_indexing(
        &self,
        id: &DocumentId,
        extent: &Extent,
        warnings: &[String],
    ) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :running, pending = :pending, indexed_passages = :none, warnings = :warnings, \
             updated_at = :now REMOVE waiting_reason",
            NOT_DELETED,
            [
                (":running", status(DocumentStatus::Running)),
                (":pending", attribute("update document", extent)?),
                (":warnings", attribute("update document", &warnings)?),
                (":none", number(0)),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Records that the first `passages` passages of `extent` are in the index. Returns `false` if the
    /// document does not exist or another worker indexes it.
    pub async fn record_progress(
        &self,
        id: &DocumentId,
        extent: &Extent,
        passages: u32,
    ) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :running, indexed_passages = :passages, updated_at = :now",
            &format!("{NOT_DELETED} AND pending = :pending"),
            [
                (":running", status(DocumentStatus::Running)),
                (":pending", attribute("update document", extent)?),
                (":passages", number(passages)),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Makes `extent` searchable and replaces `before`, in one write. Returns `false` if the document does
    /// not exist or another worker indexes it.
    pub async fn publish(
        &self,
        id: &DocumentId,
        extent: &Extent,
        before: Option<&Extent>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "update document";
        let (stale, seen) = match before {
            Some(_) => (", stale = :before", "live = :before"),
            None => ("", "attribute_not_exists(live)"),
        };
        let mut values = vec![
            (":ready", status(DocumentStatus::Ready)),
            (":extent", attribute(OPERATION, extent)?),
            (":revision", number(extent.revision.number())),
            (":deleted", status(DocumentStatus::Deleted)),
        ];
        if let Some(before) = before {
            values.push((":before", attribute(OPERATION, before)?));
        }
        self.change(
            id,
            &format!(
                "SET #status = :ready, live = :extent, processed_revision = :revision{stale}, updated_at = :now \
                 REMOVE pending, indexed_passages, waiting_reason, last_error"
            ),
            &format!("{NOT_DELETED} AND pending = :extent AND {seen}"),
            values,
        )
        .await
    }

    /// Records that `revision` has the content of the searchable revision. Returns `false` if the document
    /// does not exist.
    pub async fn keep_live(&self, id: &DocumentId, revision: Revision) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :ready, processed_revision = :revision, updated_at = :now REMOVE waiting_reason, last_error",
            NOT_DELETED,
            [
                (":ready", status(DocumentStatus::Ready)),
                (":revision", number(revision.number())),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Records that the passages of `stale` and the bytes of revisions before `oldest` are removed. Returns
    /// `false` if the document does not exist.
    pub async fn record_cleanup(&self, id: &DocumentId, oldest: Revision) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET oldest_stored_revision = :oldest, updated_at = :now REMOVE stale",
            NOT_DELETED,
            [(":oldest", number(oldest.number())), (":deleted", status(DocumentStatus::Deleted))],
        )
        .await
    }

    pub(super) async fn change(
        &self,
        id: &DocumentId,
        update: &str,
        condition: &str,
        values: impl IntoIterator<Item = (&str, AttributeValue)>,
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
            .expression_attribute_values(":now", AttributeValue::S(clock::now().to_string()));
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
