//! A job as it is stored and read.

use std::time::Duration;

use bulkhead_events::SealedJob;
use bulkhead_resilience::{Timestamp, rfc3339};
use bulkhead_tenancy::names::{DocumentId, ItemKey, SortPrefix};
use serde::{Deserialize, Serialize};

use crate::error::{Classify, StoreError};
use crate::items::{self, Item, text};
use crate::page::{Page, PageLimit};
use crate::repositories::documents::WaitingReason;
use crate::session::TenantSession;

/// Active jobs that one query returns.
const MAX_ACTIVE: i32 = 1_000;
/// Maximum pause of a job. The policy of a circuit keeps to it, and all other pauses are shorter.
pub const MAX_PAUSE: Duration = Duration::from_secs(47 * 60 * 60);
/// The furthest that a job's time lies ahead: the longest pause, and an hour for clocks that differ. A stored time
/// beyond it is damage, and does not count.
const FURTHEST: Duration = MAX_PAUSE.saturating_add(Duration::from_secs(60 * 60));

/// The state of a job. A completed job has no item.
///
/// ```text
///                       worker starts                complete
///  accept ──► queued ─────────────────► running ─────────────────► (item removed; document `ready`)
///               ▲                          │
///               │ requeue                  ├── retry, continued ──► waiting
///               │ (scheduler)              │
///  waiting ─────┘                          └── no attempt left, unreadable ──► dead
///     ▲  ▲                                                                      │
///     │  └──────────────────────────── redriven ────────────────────────────────┘
///     │
///     └── circuit_open, over_limit, lost (from queued, or from running if the lease ended)
/// ```
///
/// | state | item | waits for |
/// |---|---|---|
/// | `queued` | `JOB#<document>` | its message and a worker |
/// | `running` | `JOB#<document>` | its worker, until the lease ends |
/// | `waiting` | `WAITING#<due>#<document>` | the time in its key; [`WaitingReason`] says why |
/// | `dead` | `DEAD#<document>` | a redrive by the tenant |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits for its message and a worker.
    Queued,
    /// A worker has the job until its lease ends.
    Running,
    /// Waits until a point in time; [`Job::waiting_reason`] says why.
    Waiting,
    /// Is not tried again unless the tenant redrives it.
    Dead,
}

/// A job as it was read. A move applies only if the stored job is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub(super) key: ItemKey,
    pub(super) record: Record,
}

impl Job {
    /// Returns the id of the job's document.
    pub fn document(&self) -> &DocumentId {
        &self.record.document
    }

    /// Returns the job's state.
    pub fn status(&self) -> JobStatus {
        self.record.status
    }

    /// Returns why the job waits; `None` in any other state.
    pub fn waiting_reason(&self) -> Option<WaitingReason> {
        self.record.waiting_reason
    }

    /// Returns the number of attempts, without those that failed because of AWS.
    pub fn attempts(&self) -> u32 {
        self.record.attempts
    }

    /// Returns the number of attempts that failed because of AWS.
    pub fn aws_failures(&self) -> u32 {
        self.record.aws_failures
    }

    /// Returns whether the worker of the last attempt ended without a result.
    pub fn has_crashed(&self) -> bool {
        self.record.crashed
    }

    /// Returns the job with its crash acknowledged. The next move stores this.
    #[must_use]
    pub fn acknowledge_crash(mut self) -> Self {
        self.record.crashed = false;
        self
    }

    /// Returns why the last attempt failed, in words for the document's owner.
    pub fn last_error(&self) -> Option<&str> {
        self.record.last_error.as_deref()
    }

    /// Returns when the job was accepted.
    pub fn accepted_at(&self) -> Timestamp {
        self.record.accepted_at
    }

    /// Returns when the job entered its state.
    pub fn since(&self) -> Timestamp {
        self.record.since
    }

    /// Returns whether the job's message or worker counts as lost: its time is over, or damaged.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        is_over(self.record.until, now)
    }

    /// Returns whether the job's time lies further ahead than any process could have written.
    pub fn is_damaged(&self, now: Timestamp) -> bool {
        is_damaged(self.record.until, now)
    }

    /// Returns whether a worker may take the job: it is queued, or the lease of its worker has ended.
    pub fn is_free(&self, now: Timestamp) -> bool {
        match self.record.status {
            JobStatus::Queued => true,
            JobStatus::Running => self.is_lost(now),
            JobStatus::Waiting | JobStatus::Dead => false,
        }
    }
}

fn is_over(until: u64, now: Timestamp) -> bool {
    until <= now.as_milliseconds() || is_damaged(until, now)
}

fn is_damaged(until: u64, now: Timestamp) -> bool {
    until > now.after(FURTHEST).as_milliseconds()
}

/// Which items of a query come first.
#[derive(Debug, Clone, Copy)]
enum Order {
    First,
    Last,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub document: DocumentId,
    pub status: JobStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<WaitingReason>,
    pub attempts: u32,
    pub aws_failures: u32,
    /// Milliseconds since 1970: when the lease ends (running), when the job is due (waiting), when its
    /// message counts as lost (queued).
    pub until: u64,
    /// Set when an attempt starts and cleared by its result.
    #[serde(default)]
    pub crashed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(with = "rfc3339")]
    pub accepted_at: Timestamp,
    #[serde(with = "rfc3339")]
    pub since: Timestamp,
    /// A random value that each move replaces. Moves use it as their condition.
    pub etag: String,
    /// The sealed job. Absent if the tenant's key was unusable when the job was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<SealedJob>,
}

/// The tenant's jobs.
pub struct Jobs<'s> {
    pub(super) session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's jobs.
    pub fn jobs(&self) -> Jobs<'s> {
        Jobs { session: *self }
    }
}

impl Jobs<'_> {
    /// Returns the queued or running job of `document`.
    pub async fn active(&self, document: &DocumentId) -> Result<Option<Job>, StoreError> {
        self.read(self.session.scope().job_key(document)).await
    }

    /// Returns the dead job of `document`.
    pub async fn dead(&self, document: &DocumentId) -> Result<Option<Job>, StoreError> {
        self.read(self.session.scope().dead_key(document)).await
    }

    /// Lists the dead jobs after `after`, by document (oldest first).
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

    /// Returns up to `limit` waiting jobs that are due, the earliest due time first.
    pub async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<Job>, StoreError> {
        const OPERATION: &str = "find due jobs";
        let prefix = SortPrefix::Waiting.as_str();
        let found = self
            .session
            .dynamodb()
            .query()
            .table_name(&self.session.settings().table)
            .key_condition_expression("pk = :partition AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":partition", text(self.session.scope().partition().as_str()))
            .expression_attribute_values(":first", text(prefix))
            // `$` follows `#` in ASCII, so this includes all jobs due in this millisecond.
            .expression_attribute_values(":last", text(&format!("{prefix}{:014}$", now.as_milliseconds())))
            .limit(i32::from(limit))
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        found.items.unwrap_or_default().into_iter().map(|item| self.waiting(OPERATION, item)).collect()
    }

    /// Returns the tenant's queued and running jobs, at most 1,000.
    pub async fn all_active(&self) -> Result<Vec<Job>, StoreError> {
        const OPERATION: &str = "list active jobs";
        let found = self.with_prefix(OPERATION, SortPrefix::Job, MAX_ACTIVE, Order::First).await?;
        let jobs = found.into_iter().map(|item| {
            let record: Record = items::record(OPERATION, item)?;
            Ok(Job { key: self.session.scope().job_key(&record.document), record })
        });
        jobs.collect()
    }

    /// Returns the waiting job with the latest due time.
    pub async fn last_waiting(&self) -> Result<Option<Job>, StoreError> {
        const OPERATION: &str = "find waiting jobs";
        let Some(item) = self.with_prefix(OPERATION, SortPrefix::Waiting, 1, Order::Last).await?.pop() else {
            return Ok(None);
        };
        self.waiting(OPERATION, item).map(Some)
    }

    fn waiting(&self, operation: &'static str, item: Item) -> Result<Job, StoreError> {
        let record: Record = items::record(operation, item)?;
        let key = self.session.scope().waiting_key(record.until, &record.document);
        Ok(Job { key, record })
    }

    async fn with_prefix(
        &self,
        operation: &'static str,
        prefix: SortPrefix,
        limit: i32,
        order: Order,
    ) -> Result<Vec<Item>, StoreError> {
        let found = self
            .session
            .dynamodb()
            .query()
            .table_name(&self.session.settings().table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(":partition", text(self.session.scope().partition().as_str()))
            .expression_attribute_values(":prefix", text(prefix.as_str()))
            .limit(limit)
            .scan_index_forward(matches!(order, Order::First))
            .consistent_read(true)
            .send()
            .await
            .during(operation)?;
        Ok(found.items.unwrap_or_default())
    }

    pub(super) async fn read(&self, key: ItemKey) -> Result<Option<Job>, StoreError> {
        const OPERATION: &str = "read job";
        let Some(item) = items::get(&self.session, OPERATION, &key).await? else { return Ok(None) };
        Ok(Some(Job { record: items::record(OPERATION, item)?, key }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1_000;
    const NOW: u64 = 1_795_480_487_000;

    fn over(until: u64) -> bool {
        is_over(until, Timestamp::from_milliseconds(NOW))
    }

    #[test]
    fn a_time_is_over_when_it_has_come() {
        assert!(over(0) && over(NOW));
        assert!(!over(NOW + 1));
    }

    #[test]
    fn the_longest_pause_of_a_job_counts() {
        assert!(!over(NOW + u64::try_from(MAX_PAUSE.as_millis()).expect("a number") + 60_000));
    }

    /// A job with such a time would never be requeued.
    #[test]
    fn a_time_more_than_two_days_ahead_does_not_count() {
        assert!(!over(NOW + 48 * HOUR));
        for until in [NOW + 48 * HOUR + 1, NOW * 2, 99_999_999_999_999, u64::MAX] {
            assert!(over(until), "{until}");
        }
    }
}
