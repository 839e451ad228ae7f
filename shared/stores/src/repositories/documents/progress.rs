//! How far a document has come: every change is conditional on the state it expects.

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::{DocumentId, Revision};

use super::super::items::{attribute, key_attributes};
use super::{DocumentStatus, Documents, Extent, status};
use crate::StoreError;
use crate::clock::Moment;
use crate::error::Classify;

/// What every change of a document's progress wants.
pub(super) const STILL_THERE: &str = "attribute_exists(pk) AND #status <> :deleted";

impl Documents<'_> {
    /// Notes that the passages of `extent` are about to be indexed, before the first one is:
    /// whoever deletes the document knows how many there may be. `false` where the document
    /// is gone: nothing may be written for it any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn processing(&self, id: &DocumentId, extent: &Extent) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :processing, pending = :pending, in_index = :none, updated_at = :now",
            STILL_THERE,
            [
                (":processing", status(DocumentStatus::Processing)),
                (":pending", attribute("update document", extent)?),
                (":none", number(0)),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Notes that so many passages of `extent` are in the index. `false` where the document
    /// is gone, or somebody else works on it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn indexed(&self, id: &DocumentId, extent: &Extent, passages: u32) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :processing, in_index = :passages, updated_at = :now",
            &format!("{STILL_THERE} AND pending = :pending"),
            [
                (":processing", status(DocumentStatus::Processing)),
                (":pending", attribute("update document", extent)?),
                (":passages", number(passages)),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Lets `extent` be found, in place of what was found before: all of it at once. `false`
    /// where the document is gone, or somebody else works on it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn switch(
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
                "SET #status = :ready, live = :extent, settled = :revision{stale}, updated_at = :now \
                 REMOVE pending, in_index, reason"
            ),
            &format!("{STILL_THERE} AND pending = :extent AND {seen}"),
            values,
        )
        .await
    }

    /// Notes that `revision` says what can be found already. `false` where the document is
    /// gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unchanged(&self, id: &DocumentId, revision: Revision) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET #status = :ready, settled = :revision, updated_at = :now REMOVE reason",
            STILL_THERE,
            [
                (":ready", status(DocumentStatus::Ready)),
                (":revision", number(revision.number())),
                (":deleted", status(DocumentStatus::Deleted)),
            ],
        )
        .await
    }

    /// Notes that nothing of `stale` is left in the index, and no bytes of revisions before
    /// `oldest`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tidied(&self, id: &DocumentId, oldest: Revision) -> Result<bool, StoreError> {
        self.change(
            id,
            "SET oldest = :oldest, updated_at = :now REMOVE stale",
            STILL_THERE,
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

fn number(value: u32) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
