//! Accepting a revision: creates a job unless one is active.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use bulkhead_tenancy::names::{DocumentId, Revision};

use super::backlog::TenantBacklog;
use super::job::{JobStatus, Jobs, Record};
use super::sealed_job::IngestionJob;
use crate::clock;
use crate::error::StoreError;
use crate::items::{self, key_attributes, new_etag, number, text};
use crate::repositories::documents::{DocumentStatus, IngestionState, JobLocation, NOT_DELETED};
use crate::transaction::{malformed, transact};

const ACCEPT: &str = "accept job";
const NO_ITEM: &str = "attribute_not_exists(pk)";
/// Maximum optimistic-lock attempts before accepting fails with [`StoreError::Conflict`].
const MAX_ATTEMPTS: usize = 16;

/// A revision whose bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedContent {
    /// The revision.
    pub revision: Revision,
    /// Its size, bytes.
    pub bytes: u64,
}

impl Jobs<'_> {
    /// Accepts a received revision of `document` and marks the tenant in the backlog. Idempotent.
    ///
    /// Creates a job unless one is queued, running or waiting: that job picks the revision up. Deletes the bytes
    /// of a revision that a newer one has replaced: the upload URL of an old revision works again after the
    /// clean-up of its bytes. On an error nothing is accepted.
    pub async fn accept(
        &self,
        document: &DocumentId,
        content: ReceivedContent,
        lost_after: Duration,
        backlog: &TenantBacklog<'_>,
    ) -> Result<(), StoreError> {
        let job = match self.seal(&IngestionJob { document: document.clone() }).await {
            Ok(sealed) => Some(sealed),
            // A tenant that disables its key must not send its messages to the operator's dead-letter queue.
            Err(StoreError::KeyUnusable { .. }) => None,
            Err(error) => return Err(error),
        };
        let now = clock::now();
        let record = Record {
            document: document.clone(),
            status: JobStatus::Queued,
            waiting_reason: None,
            attempts: 0,
            aws_failures: 0,
            until: now.after(lost_after).as_milliseconds(),
            crashed: false,
            last_error: None,
            accepted_at: now,
            since: now,
            etag: new_etag(),
            job,
        };
        for _ in 0..MAX_ATTEMPTS {
            let accepted = match self.session.documents().ingestion_state(document).await? {
                // The bytes have no document. The job cleans them up.
                None => return self.accept_orphan(&record, backlog).await,
                Some(state) if state.received == Some(content.revision) => return Ok(()),
                Some(state) if state.received > Some(content.revision) => {
                    return self.session.objects().delete_source(document, content.revision).await;
                }
                Some(state) => self.try_accept(&record, &content, &state, backlog).await?,
            };
            if accepted {
                return Ok(());
            }
        }
        Err(StoreError::Conflict { operation: ACCEPT })
    }

    async fn accept_orphan(&self, record: &Record, backlog: &TenantBacklog<'_>) -> Result<(), StoreError> {
        let key = self.session.scope().job_key(&record.document);
        let put = Put::builder()
            .table_name(&self.session.settings().table)
            .set_item(Some(items::item(&key, record)?))
            .condition_expression(NO_ITEM)
            .build()
            .map_err(malformed)?;
        let writes = vec![backlog.mark()?, TransactWriteItem::builder().put(put).build()];
        // A failed condition means that a job exists. The backlog was marked together with it.
        transact(&self.session, ACCEPT, writes).await.map(drop)
    }

    /// Accepts the revision if the document's state is still `state`, and returns whether it was.
    async fn try_accept(
        &self,
        record: &Record,
        content: &ReceivedContent,
        state: &IngestionState,
        backlog: &TenantBacklog<'_>,
    ) -> Result<bool, StoreError> {
        let scope = self.session.scope();
        let table = &self.session.settings().table;
        let mut update = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&scope.document_key(&record.document))))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":revision", number(content.revision.number()))
            .expression_attribute_values(":bytes", AttributeValue::N(content.bytes.to_string()))
            .expression_attribute_values(":now", text(&clock::now().to_string()));
        let mut condition = NOT_DELETED.to_owned();
        match state.received {
            None => condition.push_str(" AND attribute_not_exists(received_revision)"),
            Some(seen) => {
                condition.push_str(" AND received_revision = :seen");
                update = update.expression_attribute_values(":seen", number(seen.number()));
            }
        }
        match state.job_location {
            None => condition.push_str(" AND attribute_not_exists(job_location)"),
            Some(location) => {
                condition.push_str(" AND job_location = :location");
                update = update.expression_attribute_values(":location", text(location.as_str()));
            }
        }
        condition.push_str(" AND revision = :newest");
        update = update.expression_attribute_values(":newest", number(state.newest.number()));
        let mut receive = "SET received_revision = :revision, bytes = :bytes, updated_at = :now".to_owned();
        if let Some(announced) = state.announced.of(content.revision) {
            // From now on the document has the title and the type of this revision.
            receive.push_str(", announced = :announced, content_type = :type, sealed = :sealed");
            let mut remaining = state.announced.clone();
            remaining.drop_received(content.revision);
            let sealed = announced.sealed.clone().into_bytes();
            update = update
                .expression_attribute_values(":announced", items::attribute(ACCEPT, &remaining)?)
                .expression_attribute_values(":type", text(&announced.content_type))
                .expression_attribute_values(":sealed", AttributeValue::B(sealed.into()));
        }
        let mut writes = vec![backlog.mark()?];
        match state.job_location {
            // The existing job looks for newer revisions before it completes.
            Some(JobLocation::Active | JobLocation::Waiting) => {
                update = update.update_expression(format!("{receive} REMOVE expires_at"));
            }
            None | Some(JobLocation::Dead) => {
                update = update
                    .update_expression(format!(
                        "{receive}, #status = :queued, job_location = :active \
                         REMOVE waiting_reason, last_error, expires_at"
                    ))
                    .expression_attribute_values(":queued", text(DocumentStatus::Queued.as_str()))
                    .expression_attribute_values(":active", text(JobLocation::Active.as_str()));
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(items::item(&scope.job_key(&record.document), record)?));
                writes.push(TransactWriteItem::builder().put(put.build().map_err(malformed)?).build());
            }
        }
        if state.job_location == Some(JobLocation::Dead) {
            // The dead job concerns an older revision.
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key_attributes(&scope.dead_key(&record.document))));
            writes.push(TransactWriteItem::builder().delete(delete.build().map_err(malformed)?).build());
        }
        let update = update.condition_expression(condition).build().map_err(malformed)?;
        writes.push(TransactWriteItem::builder().update(update).build());
        Ok(transact(&self.session, ACCEPT, writes).await?.is_none())
    }
}
