//! How a job moves. Each move names the job as it was read, and does nothing where it has
//! moved meanwhile.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use bulkhead_events::SealedJob;
use bulkhead_tenancy::names::{DocumentId, ItemKey};

use super::{Job, JobStatus, Jobs, Record, text};
use crate::clock::Moment;
use crate::error::Classify;
use crate::repositories::documents::DocumentStatus;
use crate::repositories::items::{self, key_attributes};
use crate::{Backlog, StoreError};

const NO_ITEM: &str = "attribute_not_exists(pk)";
const UNMOVED: &str = "mark = :mark";
const NOT_DELETED: &str = "attribute_exists(pk) AND #status <> :deleted";

/// What became of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// The job is where it was to go.
    There(Job),
    /// Somebody else moved it first.
    Elsewhere,
    /// Its document was deleted.
    DocumentGone,
}

impl Jobs<'_> {
    /// Accepts a job for `document`, and notes that the tenant has something to do. Nothing
    /// happens where there is a job for it already.
    ///
    /// # Errors
    /// [`StoreError`]. Nothing is accepted then.
    pub async fn accept(
        &self,
        document: &DocumentId,
        job: SealedJob,
        lost_after: Duration,
        backlog: &Backlog<'_>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "accept job";
        let key = self.session.scope().job_key(document);
        let now = Moment::now();
        let record = Record {
            document: document.clone(),
            status: JobStatus::Queued,
            attempts: 0,
            faults: 0,
            until: now.after(lost_after).as_millisecond(),
            reason: None,
            accepted_at: now,
            since: now,
            mark: new_mark(),
            job,
        };
        backlog.note().await?;
        let put = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(self.item(&key, &record)?))
            .condition_expression(NO_ITEM)
            .send()
            .await;
        match put.during(OPERATION) {
            Err(StoreError::Conflict { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// A worker takes the job until `lease` is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self, job: &Job, lease: Duration) -> Result<Moved, StoreError> {
        let record = Record { attempts: job.record.attempts.saturating_add(1), ..job.record.clone() };
        self.stay(job, record, JobStatus::Running, lease).await
    }

    /// The job's message is sent again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requeue(&self, job: &Job, lost_after: Duration) -> Result<Moved, StoreError> {
        self.stay(job, job.record.clone(), JobStatus::Queued, lost_after).await
    }

    /// The job waits for `delay`, and then for its next attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry(&self, job: &Job, delay: Duration, why: Why<'_>) -> Result<Moved, StoreError> {
        let mut record = Record { reason: Some(why.reason.to_owned()), ..job.record.clone() };
        if why.excused {
            record.attempts = record.attempts.saturating_sub(1);
            record.faults = record.faults.saturating_add(1);
        }
        self.wait(job, record, JobStatus::Retrying, Moment::now().after(delay)).await
    }

    /// The job waits until `due`, without an attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn park(&self, job: &Job, due: Moment) -> Result<Moved, StoreError> {
        self.wait(job, job.record.clone(), JobStatus::Parked, due).await
    }

    /// A job whose time has come waits for a worker again. Its message has to be sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release(&self, job: &Job, lost_after: Duration) -> Result<Moved, StoreError> {
        let record = Record { until: Moment::now().after(lost_after).as_millisecond(), ..job.record.clone() };
        let key = self.session.scope().job_key(job.document());
        self.relocate(job, key, record, JobStatus::Queued, DocumentStatus::Queued).await
    }

    /// The job is given up; its document says why.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bury(&self, job: &Job, reason: &str) -> Result<Moved, StoreError> {
        let record = Record { reason: Some(reason.to_owned()), until: 0, ..job.record.clone() };
        let key = self.session.scope().dead_key(job.document());
        self.relocate(job, key, record, JobStatus::Dead, DocumentStatus::Failed).await
    }

    /// A job that was given up begins anew: it is due now, after those that already are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn redrive(&self, job: &Job, backlog: &Backlog<'_>) -> Result<Moved, StoreError> {
        backlog.note().await?;
        let until = Moment::now().as_millisecond();
        let record = Record { attempts: 0, faults: 0, reason: None, until, ..job.record.clone() };
        let key = self.session.scope().parked_key(until, job.document());
        self.relocate(job, key, record, JobStatus::Parked, DocumentStatus::Queued).await
    }

    /// The job is done, or there is nothing left to do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish(&self, job: &Job) -> Result<(), StoreError> {
        let deleted = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .send()
            .await;
        match deleted.during("finish job") {
            // Somebody else took it over, and will find nothing to do.
            Err(StoreError::Conflict { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Forgets the job that was given up for a document that is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, document: &DocumentId) -> Result<(), StoreError> {
        items::delete(&self.session, "forget job", &self.session.scope().dead_key(document)).await
    }

    /// A move at its place.
    async fn stay(
        &self,
        job: &Job,
        record: Record,
        status: JobStatus,
        until: Duration,
    ) -> Result<Moved, StoreError> {
        const OPERATION: &str = "move job";
        let now = Moment::now();
        let until = now.after(until).as_millisecond();
        let record = Record { status, until, since: now, mark: new_mark(), ..record };
        let put = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(self.item(&job.key, &record)?))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .send()
            .await;
        match put.during(OPERATION) {
            // Only the answer to an earlier attempt may have been lost: our mark would be there.
            Err(StoreError::Conflict { .. })
                if self.read(job.key.clone()).await?.is_none_or(|found| found.record.mark != record.mark) =>
            {
                Ok(Moved::Elsewhere)
            }
            Err(StoreError::Conflict { .. }) | Ok(_) => {
                Ok(Moved::There(Job { key: job.key.clone(), record }))
            }
            Err(error) => Err(error),
        }
    }

    async fn wait(
        &self,
        job: &Job,
        record: Record,
        status: JobStatus,
        due: Moment,
    ) -> Result<Moved, StoreError> {
        let record = Record { until: due.as_millisecond(), ..record };
        let key = self.session.scope().parked_key(record.until, job.document());
        let shown =
            if status == JobStatus::Parked { DocumentStatus::Parked } else { DocumentStatus::Retrying };
        self.relocate(job, key, record, status, shown).await
    }

    /// A move to another place, together with what the document says: all of it or nothing.
    async fn relocate(
        &self,
        job: &Job,
        to: ItemKey,
        record: Record,
        status: JobStatus,
        shown: DocumentStatus,
    ) -> Result<Moved, StoreError> {
        const OPERATION: &str = "move job";
        let now = Moment::now();
        let record = Record { status, since: now, mark: new_mark(), ..record };
        let malformed = |error: aws_smithy_types::error::operation::BuildError| {
            StoreError::corrupt(OPERATION, error.to_string())
        };
        let table = &self.session.settings().table;
        let leave = Delete::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .build()
            .map_err(malformed)?;
        // Whatever lies there is of an older job for the same document.
        let arrive = Put::builder()
            .table_name(table)
            .set_item(Some(self.item(&to, &record)?))
            .build()
            .map_err(malformed)?;
        let show = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            .condition_expression(NOT_DELETED)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":shown", text(shown.as_str()))
            .expression_attribute_values(":now", text(&now.to_string()));
        let show = match &record.reason {
            Some(reason) => show
                .update_expression("SET #status = :shown, updated_at = :now, reason = :reason")
                .expression_attribute_values(":reason", text(reason)),
            None => show.update_expression("SET #status = :shown, updated_at = :now REMOVE reason"),
        };
        let show = show.build().map_err(malformed)?;
        let sent = self
            .session
            .dynamodb()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().delete(leave).build())
            .transact_items(TransactWriteItem::builder().put(arrive).build())
            .transact_items(TransactWriteItem::builder().update(show).build())
            .send()
            .await;
        if let Err(error) = &sent
            && let Some(cancelled) = error.as_service_error().and_then(|error| match error {
                aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(cancelled) => Some(cancelled),
                _ => None,
            })
        {
            let failed = |at: usize| {
                cancelled.cancellation_reasons().get(at).and_then(|reason| reason.code()) == Some("ConditionalCheckFailed")
            };
            if failed(0) {
                return Ok(Moved::Elsewhere);
            }
            if failed(2) {
                return Ok(Moved::DocumentGone);
            }
        }
        sent.during(OPERATION)?;
        Ok(Moved::There(Job { key: to, record }))
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy)]
pub struct Why<'a> {
    /// In words for the document's owner.
    pub reason: &'a str,
    /// Whether it was AWS's fault: the attempt does not count as the tenant's.
    pub excused: bool,
}

pub(super) fn new_mark() -> String {
    format!("{:032x}", fastrand::u128(..))
}
