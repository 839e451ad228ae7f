//! How a job moves. Each move names the job as it was read, and does nothing where it has
//! moved meanwhile.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use bulkhead_tenancy::names::{DocumentId, ItemKey, Revision};

use super::transaction::{malformed, number};
use super::{Job, JobStatus, Jobs, Record, text};
use crate::clock::Moment;
use crate::error::Classify;
use crate::repositories::documents::{DocumentStatus, Place};
use crate::repositories::items::{self, key_attributes};
use crate::{Backlog, StoreError};

const MOVE: &str = "move job";
const UNMOVED: &str = "mark = :mark";
pub(super) const NOT_DELETED: &str = "attribute_exists(pk) AND #status <> :deleted";

/// What became of a job that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// There is nothing left to do.
    Done,
    /// Somebody else moved it first.
    Elsewhere,
    /// Newer content came meanwhile, or the document was deleted: look again.
    MoreCame,
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// The job is where it was to go.
    There(Box<Job>),
    /// Somebody else moved it first.
    Elsewhere,
    /// Its document was deleted.
    DocumentGone,
    /// Newer content came meanwhile, and what was to be said was about older.
    MoreCame,
}

impl Jobs<'_> {
    /// A worker takes the job until `lease` is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self, job: &Job, lease: Duration) -> Result<Moved, StoreError> {
        let attempts = job.record.attempts.saturating_add(1);
        let record = Record { attempts, unheard: true, ..job.record.clone() };
        self.stay(job, record, JobStatus::Running, lease).await
    }

    /// The job waits for `delay`, and then for its next attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry(&self, job: &Job, delay: Duration, why: Why<'_>) -> Result<Moved, StoreError> {
        let reason = Some(why.reason.to_owned());
        let mut record = Record { reason, unheard: false, ..job.record.clone() };
        if why.excused {
            record.attempts = record.attempts.saturating_sub(1);
            record.faults = record.faults.saturating_add(1);
        }
        self.wait(job, record, JobStatus::Retrying, Moment::now().after(delay)).await
    }

    /// The job goes on in another run, after `delay`: this one is nearly over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pause(&self, job: &Job, delay: Duration) -> Result<Moved, StoreError> {
        let record = Record {
            attempts: job.record.attempts.saturating_sub(1),
            unheard: false,
            reason: None,
            ..job.record.clone()
        };
        self.wait(job, record, JobStatus::Paused, Moment::now().after(delay)).await
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
    pub async fn release(
        &self,
        job: &Job,
        lost_after: Duration,
        backlog: &Backlog<'_>,
    ) -> Result<Moved, StoreError> {
        let record = Record { until: Moment::now().after(lost_after).as_millisecond(), ..job.record.clone() };
        let key = self.session.scope().job_key(job.document());
        // Noted anew: who looked for jobs where this one was not yet, and then where it is not any
        // more, is not to believe that there is none.
        let also = Also { only: None, note: Some(backlog.noting()?) };
        self.relocate(job, key, record, JobStatus::Queued, DocumentStatus::Queued, also).await
    }

    /// The job is given up; its document says why. Where the reason is about one revision,
    /// only if no newer one came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bury(&self, job: &Job, reason: &str, about: Option<Revision>) -> Result<Moved, StoreError> {
        let reason = Some(reason.to_owned());
        let record = Record { reason, until: 0, unheard: false, ..job.record.clone() };
        let key = self.session.scope().dead_key(job.document());
        let also = Also { only: about, note: None };
        self.relocate(job, key, record, JobStatus::Dead, DocumentStatus::Failed, also).await
    }

    /// A job that was given up begins anew: it is due now, after those that already are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn redrive(&self, job: &Job, backlog: &Backlog<'_>) -> Result<Moved, StoreError> {
        let until = Moment::now().as_millisecond();
        let record = Record { attempts: 0, faults: 0, reason: None, until, ..job.record.clone() };
        let key = self.session.scope().parked_key(until, job.document());
        let also = Also { only: None, note: Some(backlog.noting()?) };
        self.relocate(job, key, record, JobStatus::Parked, DocumentStatus::Queued, also).await
    }

    /// The job is done, if `revision` is still the newest that came and was dealt with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(&self, job: &Job, revision: Revision) -> Result<Settled, StoreError> {
        let table = &self.session.settings().table;
        let show = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            // Said anew: moves of the job since it was dealt with have said other things.
            .update_expression("SET #status = :ready REMOVE place, reason")
            .expression_attribute_values(":ready", text(DocumentStatus::Ready.as_str()))
            .condition_expression(format!("{NOT_DELETED} AND accepted = :revision AND settled = :revision"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":revision", number(revision.number()))
            .build()
            .map_err(malformed)?;
        let moves = vec![self.leaving(job)?, TransactWriteItem::builder().update(show).build()];
        Ok(match self.transact("settle job", moves).await? {
            None => Settled::Done,
            Some(0) => Settled::Elsewhere,
            Some(_) => Settled::MoreCame,
        })
    }

    /// Forgets a job that there is nothing left to do for: its document is gone.
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

    /// The job's leaving of its place, if nobody moved it.
    fn leaving(&self, job: &Job) -> Result<TransactWriteItem, StoreError> {
        let leave = Delete::builder()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .build()
            .map_err(malformed)?;
        Ok(TransactWriteItem::builder().delete(leave).build())
    }

    /// A move at its place.
    async fn stay(
        &self,
        job: &Job,
        record: Record,
        status: JobStatus,
        until: Duration,
    ) -> Result<Moved, StoreError> {
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
        match put.during(MOVE) {
            // Only the answer to an earlier attempt may have been lost: our mark would be there.
            Err(StoreError::Conflict { .. })
                if self.read(job.key.clone()).await?.is_none_or(|found| found.record.mark != record.mark) =>
            {
                Ok(Moved::Elsewhere)
            }
            Err(StoreError::Conflict { .. }) | Ok(_) => {
                Ok(Moved::There(Box::new(Job { key: job.key.clone(), record })))
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
        let shown = match status {
            JobStatus::Parked => DocumentStatus::Parked,
            JobStatus::Paused => DocumentStatus::Processing,
            _ => DocumentStatus::Retrying,
        };
        self.relocate(job, key, record, status, shown, Also::default()).await
    }

    /// A move to another place, together with what the document says: all of it or nothing.
    async fn relocate(
        &self,
        job: &Job,
        to: ItemKey,
        record: Record,
        status: JobStatus,
        shown: DocumentStatus,
        also: Also,
    ) -> Result<Moved, StoreError> {
        let place = match status {
            JobStatus::Queued | JobStatus::Running => Place::Open,
            JobStatus::Retrying | JobStatus::Parked | JobStatus::Paused => Place::Waiting,
            JobStatus::Dead => Place::Dead,
        };
        let now = Moment::now();
        let record = Record { status, since: now, mark: new_mark(), ..record };
        let table = &self.session.settings().table;
        // Whatever lies there is of an older job for the same document.
        let arrive = Put::builder()
            .table_name(table)
            .set_item(Some(self.item(&to, &record)?))
            .build()
            .map_err(malformed)?;
        let mut condition = NOT_DELETED.to_owned();
        if also.only.is_some() {
            condition.push_str(" AND accepted = :only");
        }
        let show = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            .condition_expression(&condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":shown", text(shown.as_str()))
            .expression_attribute_values(":place", text(place.as_str()))
            .expression_attribute_values(":now", text(&now.to_string()));
        let show = match also.only {
            Some(revision) => show.expression_attribute_values(":only", number(revision.number())),
            None => show,
        };
        let show = match &record.reason {
            Some(reason) => show
                .update_expression(
                    "SET #status = :shown, place = :place, updated_at = :now, reason = :reason",
                )
                .expression_attribute_values(":reason", text(reason)),
            None => show
                .update_expression("SET #status = :shown, place = :place, updated_at = :now REMOVE reason"),
        };
        let show = show.build().map_err(malformed)?;
        let moves = vec![
            self.leaving(job)?,
            TransactWriteItem::builder().put(arrive).build(),
            TransactWriteItem::builder().update(show).build(),
        ];
        let moves = moves.into_iter().chain(also.note).collect();
        Ok(match self.transact(MOVE, moves).await? {
            None => Moved::There(Box::new(Job { key: to, record })),
            Some(0) => Moved::Elsewhere,
            Some(_)
                if also.only.is_some()
                    && self.session.documents().standing(job.document()).await?.is_some() =>
            {
                Moved::MoreCame
            }
            Some(_) => Moved::DocumentGone,
        })
    }
}

/// What belongs to a move beside it.
#[derive(Default)]
struct Also {
    /// Only if this is still the newest revision that came.
    only: Option<Revision>,
    /// The tenant's note in the backlog.
    note: Option<TransactWriteItem>,
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
