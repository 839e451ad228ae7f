//! A tenant's jobs: what is to be done, how far it is, and what became of it.
//!
//! A job is one item, and where it lies says what it waits for: `JOB#` a message or a
//! worker, `PARKED#` its time, `DEAD#` somebody who redrives it. A job that is done is
//! gone; its document says `ready`. Every move is one conditional write or one
//! transaction, so a process that dies leaves a job where it was or where it was to go.
//!
//! The queue only says that there is something to do. What is to be done is said here,
//! so a message that is lost, late or delivered twice changes nothing.

mod accept;
mod moves;
mod sealing;
mod sweep;
mod transaction;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_events::SealedJob;
use bulkhead_tenancy::names::{DocumentId, ItemKey, SortPrefix};
use serde::{Deserialize, Serialize};

use super::items::{self, Item};
use super::{Page, PageLimit};
use crate::clock::Moment;
use crate::{StoreError, TenantSession};

pub use accept::Arrived;
pub use moves::{Moved, Settled, Why};
pub use sealing::IngestionJob;
pub use sweep::{Backlog, Backlogs, Seen};

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Its message, and a worker.
    Queued,
    /// Its worker, who has it until its lease ends.
    Running,
    /// Its next attempt.
    Retrying,
    /// The circuit to close, or a place among the tenant's workers.
    Parked,
    /// Its next run: it takes longer than one.
    Paused,
    /// Somebody who redrives it.
    Dead,
}

/// A job, as it was read: moves want it unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    key: ItemKey,
    record: Record,
}

impl Job {
    /// Returns the document that the job is about.
    pub fn document(&self) -> &DocumentId {
        &self.record.document
    }

    /// Returns what the job waits for.
    pub fn status(&self) -> JobStatus {
        self.record.status
    }

    /// Returns how many attempts were begun and not excused.
    pub fn attempts(&self) -> u32 {
        self.record.attempts
    }

    /// Returns how many attempts AWS spoilt.
    pub fn faults(&self) -> u32 {
        self.record.faults
    }

    /// Whether the last attempt was begun and ended without a word.
    pub fn is_unheard(&self) -> bool {
        self.record.unheard
    }

    /// Returns the job after that was taken note of. Its next move writes it down.
    #[must_use]
    pub fn heard(mut self) -> Self {
        self.record.unheard = false;
        self
    }

    /// Returns why the last attempt failed, for the document's owner.
    pub fn reason(&self) -> Option<&str> {
        self.record.reason.as_deref()
    }

    /// Returns when the job was accepted.
    pub fn accepted_at(&self) -> Moment {
        self.record.accepted_at
    }

    /// Returns when it came to wait for what it waits for.
    pub fn since(&self) -> Moment {
        self.record.since
    }

    /// Returns the job as it travels.
    pub fn sealed(&self) -> &SealedJob {
        &self.record.job
    }

    /// Whether its message or its worker is taken for lost: nothing was heard for too long.
    pub fn is_lost(&self, now: Moment) -> bool {
        self.record.until <= now.as_millisecond()
    }

    /// Whether a worker may have it: nobody has, or whoever had is gone.
    pub fn is_free(&self, now: Moment) -> bool {
        match self.record.status {
            JobStatus::Queued => true,
            JobStatus::Running => self.record.until <= now.as_millisecond(),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    document: DocumentId,
    status: JobStatus,
    attempts: u32,
    faults: u32,
    /// Of a running job the end of its lease, of a waiting one when it is due, of a queued
    /// one when its message is taken for lost; milliseconds since 1970.
    until: u64,
    /// Whether the last attempt was begun and nothing was heard of it since.
    #[serde(default)]
    unheard: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    accepted_at: Moment,
    since: Moment,
    /// Changes with every move and names it: no two are alike.
    mark: String,
    job: SealedJob,
}

/// The tenant's jobs.
pub struct Jobs<'s> {
    session: TenantSession<'s>,
}

impl<'s> Jobs<'s> {
    pub(crate) fn new(session: TenantSession<'s>) -> Self {
        Self { session }
    }

    /// Returns the job for `document` that is queued or running; `None` where it waits for
    /// its time, was given up, is done, or never was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_for(&self, document: &DocumentId) -> Result<Option<Job>, StoreError> {
        self.read(self.session.scope().job_key(document)).await
    }

    /// Returns the job for `document` that was given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dead(&self, document: &DocumentId) -> Result<Option<Job>, StoreError> {
        self.read(self.session.scope().dead_key(document)).await
    }

    /// Lists the jobs that were given up, by document (oldest first), after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dead_letters(
        &self,
        limit: PageLimit,
        after: Option<&DocumentId>,
    ) -> Result<Page<Job, DocumentId>, StoreError> {
        const OPERATION: &str = "list dead letters";
        let after = after.map(|id| self.session.scope().dead_key(id));
        let (found, more) =
            items::list(&self.session, OPERATION, SortPrefix::Dead, after, limit, |_| true).await?;
        let jobs = found
            .into_iter()
            .map(|item| {
                let record: Record = items::record(OPERATION, item)?;
                Ok(Job { key: self.session.scope().dead_key(&record.document), record })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Page::new(jobs, more, |job| job.document().clone()))
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Job>, StoreError> {
        const OPERATION: &str = "read job";
        let Some(item) = items::get(&self.session, OPERATION, &key).await? else { return Ok(None) };
        Ok(Some(Job { record: items::record(OPERATION, item)?, key }))
    }

    fn item(&self, key: &ItemKey, record: &Record) -> Result<Item, StoreError> {
        items::item(key, record)
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
