//! The moves of a job between states.
//!
//! Each move expects the job as it was read, and does nothing if the stored job has changed.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use bulkhead_resilience::Timestamp;
use bulkhead_tenancy::names::{DocumentId, ItemKey, Revision};

use super::backlog::TenantBacklog;
use super::job::{Job, JobStatus, Jobs, Record};
use super::outbox::DocumentChange;
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, key_attributes, new_etag, number, text};
use crate::repositories::documents::{DocumentStatus, JobLocation, NOT_DELETED, WaitingReason};
use crate::transaction::{malformed, transact};

const MOVE: &str = "move job";
const UNCHANGED: &str = "etag = :etag";

/// The result of completing a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Completion {
    /// The job is done and its item is removed.
    Done,
    /// Another process moved the job first.
    LostRace,
    /// A newer revision arrived, or the document was deleted. The document must be read again.
    Superseded,
}

/// The result of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Transition {
    /// The job moved.
    Applied(Box<Job>),
    /// Another process moved the job first.
    LostRace,
    /// The document was deleted.
    DocumentDeleted,
    /// The move concerns one revision, and a newer revision arrived.
    Superseded,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy)]
pub struct AttemptFailure<'a> {
    /// The reason, in words for the document's owner.
    pub error: &'a str,
    /// Whether AWS caused the failure. Such an attempt does not count against the tenant.
    pub caused_by_aws: bool,
}

impl Jobs<'_> {
    /// Starts an attempt: a worker has the job until `lease` ends.
    pub async fn start(&self, job: &Job, lease: Duration) -> Result<Transition, StoreError> {
        let now = clock::now();
        let record = Record {
            attempts: job.record.attempts.saturating_add(1),
            crashed: true,
            status: JobStatus::Running,
            until: now.after(lease).as_milliseconds(),
            since: now,
            etag: new_etag(),
            ..job.record.clone()
        };
        let put = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(items::item(&job.key, &record)?))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":etag", text(&job.record.etag))
            .send()
            .await;
        match put.during(MOVE) {
            // If the answer to an earlier attempt was lost, the stored job has our new etag.
            Err(StoreError::Conflict { .. })
                if self.read(job.key.clone()).await?.is_none_or(|found| found.record.etag != record.etag) =>
            {
                Ok(Transition::LostRace)
            }
            Err(StoreError::Conflict { .. }) | Ok(_) => {
                Ok(Transition::Applied(Box::new(Job { key: job.key.clone(), record })))
            }
            Err(error) => Err(error),
        }
    }

    /// Lets the job wait for `delay` before its next attempt.
    pub async fn retry(
        &self,
        job: &Job,
        delay: Duration,
        failure: AttemptFailure<'_>,
    ) -> Result<Transition, StoreError> {
        let mut record =
            Record { last_error: Some(failure.error.to_owned()), crashed: false, ..job.record.clone() };
        if failure.caused_by_aws {
            record.attempts = record.attempts.saturating_sub(1);
            record.aws_failures = record.aws_failures.saturating_add(1);
        }
        self.wait(job, record, WaitingReason::Retry, clock::now().after(delay)).await
    }

    /// Lets the job continue in another invocation after `delay`. The attempt does not count.
    pub async fn continue_later(&self, job: &Job, delay: Duration) -> Result<Transition, StoreError> {
        self.pause(job, WaitingReason::Continued, delay).await
    }

    /// Lets the job wait until the tenant's budget may have room. The attempt does not count.
    pub async fn wait_for_budget(&self, job: &Job, delay: Duration) -> Result<Transition, StoreError> {
        self.pause(job, WaitingReason::Budget, delay).await
    }

    async fn pause(
        &self,
        job: &Job,
        reason: WaitingReason,
        delay: Duration,
    ) -> Result<Transition, StoreError> {
        let record = Record {
            attempts: job.record.attempts.saturating_sub(1),
            crashed: false,
            last_error: None,
            ..job.record.clone()
        };
        self.wait(job, record, reason, clock::now().after(delay)).await
    }

    /// Lets the job wait until `due` without an attempt.
    pub async fn defer(
        &self,
        job: &Job,
        due: Timestamp,
        reason: WaitingReason,
    ) -> Result<Transition, StoreError> {
        self.wait(job, job.record.clone(), reason, due).await
    }

    /// Moves a waiting job back to `queued`. The caller must send its message.
    pub async fn requeue(
        &self,
        job: &Job,
        lost_after: Duration,
        backlog: &TenantBacklog<'_>,
    ) -> Result<Transition, StoreError> {
        let until = clock::now().after(lost_after).as_milliseconds();
        let record = Record { until, ..job.record.clone() };
        let key = self.session.scope().job_key(job.document());
        // A sweep that read the queued jobs before this move and the waiting jobs after it sees none. The
        // new mark keeps it from clearing the backlog.
        let extra = Extra { mark: Some(backlog.mark()?), ..Extra::default() };
        self.relocate(job, key, record, JobStatus::Queued, extra).await
    }

    /// Moves the job to the dead letters, with an event. The document shows `error`.
    ///
    /// If `revision` is given, the error concerns that revision. A newer revision then returns
    /// [`Transition::Superseded`].
    pub async fn dead_letter(
        &self,
        job: &Job,
        error: &str,
        revision: Option<Revision>,
    ) -> Result<Transition, StoreError> {
        let record =
            Record { last_error: Some(error.to_owned()), until: 0, crashed: false, ..job.record.clone() };
        let key = self.session.scope().dead_key(job.document());
        let change = match revision {
            Some(_) => DocumentChange::Unreadable,
            None => DocumentChange::AttemptsFailed,
        };
        let event = self.session.outbox().write(job.document(), revision, change)?;
        let extra = Extra { only_if: revision, event: Some(event), ..Extra::default() };
        self.relocate(job, key, record, JobStatus::Dead, extra).await
    }

    /// Gives a dead job a new start. The job is due now, after jobs that are already due.
    pub async fn redrive(&self, job: &Job, backlog: &TenantBacklog<'_>) -> Result<Transition, StoreError> {
        let until = clock::now().as_milliseconds();
        let record = Record {
            waiting_reason: Some(WaitingReason::Redriven),
            attempts: 0,
            aws_failures: 0,
            last_error: None,
            until,
            ..job.record.clone()
        };
        let key = self.session.scope().waiting_key(until, job.document());
        let extra = Extra { mark: Some(backlog.mark()?), ..Extra::default() };
        self.relocate(job, key, record, JobStatus::Waiting, extra).await
    }

    /// Completes the job, with its event, if `revision` is still the newest received revision and is processed.
    pub async fn complete(&self, job: &Job, revision: Revision) -> Result<Completion, StoreError> {
        let table = &self.session.settings().table;
        let document = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            // Sets the status again, because moves of the job may have changed it since.
            .update_expression("SET #status = :ready REMOVE job_location, waiting_reason, last_error")
            .expression_attribute_values(":ready", text(DocumentStatus::Ready.as_str()))
            .condition_expression(format!(
                "{NOT_DELETED} AND received_revision = :revision AND processed_revision = :revision"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":revision", number(revision.number()))
            .build()
            .map_err(malformed)?;
        let event = self.session.outbox().write(job.document(), Some(revision), DocumentChange::Ready)?;
        let writes = vec![self.removal(job)?, TransactWriteItem::builder().update(document).build(), event];
        Ok(match transact(&self.session, "complete job", writes).await? {
            None => Completion::Done,
            Some(0) => Completion::LostRace,
            Some(_) => Completion::Superseded,
        })
    }

    /// Removes the data and the job of a document that is deleted or that has no record. Returns `false`, and
    /// removes nothing, if the document exists.
    ///
    /// Removes the data first: a worker may have written passages after the deletion removed what it found.
    pub async fn discard(&self, job: &Job) -> Result<bool, StoreError> {
        if !self.session.erase(job.document()).await? {
            return Ok(false);
        }
        let deleted = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":etag", text(&job.record.etag))
            .send()
            .await;
        match deleted.during("discard job") {
            // Another process moved the job. It finds the document deleted as well.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Removes the dead job of a deleted document.
    pub(crate) async fn discard_dead(&self, document: &DocumentId) -> Result<(), StoreError> {
        items::delete(&self.session, "discard job", &self.session.scope().dead_key(document)).await
    }

    /// Returns the removal of the job's item, conditional on the unchanged job.
    fn removal(&self, job: &Job) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":etag", text(&job.record.etag))
            .build()
            .map_err(malformed)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn wait(
        &self,
        job: &Job,
        record: Record,
        reason: WaitingReason,
        due: Timestamp,
    ) -> Result<Transition, StoreError> {
        let until = due.ceil_to_millisecond().as_milliseconds();
        let record = Record { waiting_reason: Some(reason), until, ..record };
        let key = self.session.scope().waiting_key(until, job.document());
        self.relocate(job, key, record, JobStatus::Waiting, Extra::default()).await
    }

    /// Moves the job to another key and updates its document, in one transaction.
    async fn relocate(
        &self,
        job: &Job,
        to: ItemKey,
        record: Record,
        status: JobStatus,
        extra: Extra,
    ) -> Result<Transition, StoreError> {
        let (location, shown) = match status {
            JobStatus::Queued => (JobLocation::Active, DocumentStatus::Queued),
            JobStatus::Running => (JobLocation::Active, DocumentStatus::Running),
            JobStatus::Waiting => (JobLocation::Waiting, DocumentStatus::Waiting),
            JobStatus::Dead => (JobLocation::Dead, DocumentStatus::Dead),
        };
        let now = clock::now();
        let waiting_reason = record.waiting_reason.filter(|_| status == JobStatus::Waiting);
        let record = Record { status, waiting_reason, since: now, etag: new_etag(), ..record };
        let table = &self.session.settings().table;
        // An item at the new key belongs to an older job of the same document and is replaced.
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(items::item(&to, &record)?))
            .build()
            .map_err(malformed)?;
        let mut condition = NOT_DELETED.to_owned();
        if extra.only_if.is_some() {
            condition.push_str(" AND received_revision = :only_if");
        }
        let mut set = "SET #status = :shown, job_location = :location, updated_at = :now".to_owned();
        let mut remove = Vec::new();
        let mut document = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            .condition_expression(&condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":shown", text(shown.as_str()))
            .expression_attribute_values(":location", text(location.as_str()))
            .expression_attribute_values(":now", text(&now.to_string()));
        if let Some(revision) = extra.only_if {
            document = document.expression_attribute_values(":only_if", number(revision.number()));
        }
        match &record.last_error {
            Some(error) => {
                set.push_str(", last_error = :error");
                document = document.expression_attribute_values(":error", text(error));
            }
            None => remove.push("last_error"),
        }
        match waiting_reason {
            Some(reason) => {
                set.push_str(", waiting_reason = :waiting_reason");
                document = document.expression_attribute_values(":waiting_reason", text(reason.as_str()));
            }
            None => remove.push("waiting_reason"),
        }
        if !remove.is_empty() {
            set.push_str(" REMOVE ");
            set.push_str(&remove.join(", "));
        }
        let document = document.update_expression(set).build().map_err(malformed)?;
        let writes = [
            self.removal(job)?,
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(document).build(),
        ];
        let writes = writes.into_iter().chain(extra.mark).chain(extra.event).collect();
        Ok(match transact(&self.session, MOVE, writes).await? {
            None => Transition::Applied(Box::new(Job { key: to, record })),
            Some(0) => Transition::LostRace,
            Some(_)
                if extra.only_if.is_some()
                    && self.session.documents().ingestion_state(job.document()).await?.is_some() =>
            {
                Transition::Superseded
            }
            Some(_) => Transition::DocumentDeleted,
        })
    }
}

/// Optional parts of a move.
#[derive(Default)]
struct Extra {
    /// Move only if this is the newest received revision.
    only_if: Option<Revision>,
    /// Mark the tenant in the backlog.
    mark: Option<TransactWriteItem>,
    /// Tell of the move. The tenant is in the backlog already, because its job was.
    event: Option<TransactWriteItem>,
}
