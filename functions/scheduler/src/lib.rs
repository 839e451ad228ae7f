//! Moves waiting jobs back to the queue, and lets queued jobs wait if no worker is free.
//!
//! Runs every minute for all tenants with unfinished jobs, and on request of `dispatch` for one tenant. The
//! function's role reads which tenants have unfinished jobs. A session of each tenant reads and moves the
//! jobs.
//!
//! A job moves before its message is sent, so a message always finds its job. If the message is lost in
//! between, the job later counts as lost and is requeued.

use std::time::Duration;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{EventError, TenantFunction};
use bulkhead_stores::{
    BacklogEntry, BacklogTable, CircuitPolicy, Job, JobQueue, Platform, StoreError, TenantBacklog,
    TenantSession, Transition, WaitingReason, WorkerSlots,
};
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::DocumentId;
use futures::{StreamExt, stream};
use serde::Serialize;

pub use bulkhead_events::SchedulerRequest;

/// Tenants handled at the same time.
const CONCURRENT_TENANTS: usize = 8;
/// Maximum jobs of one tenant that one request moves to the queue.
const MAX_REQUEUED: u16 = 50;

/// What one request did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tenants with unfinished jobs.
    pub tenants: u32,
    /// Due jobs that were requeued.
    pub requeued: u32,
    /// Jobs whose message or worker disappeared.
    pub lost: u32,
    /// Tenants whose jobs could not be read or moved. The next sweep tries again.
    pub failed: u32,
}

/// The scheduler of one tier.
pub struct Scheduler {
    function: TenantFunction,
    backlog: BacklogTable,
    queue: JobQueue,
    slots: WorkerSlots,
    /// Maximum queued and running jobs of one tenant: the number of its workers.
    max_active: u16,
    circuit: CircuitPolicy,
    lost_after: Duration,
}

impl Scheduler {
    /// Prepares the scheduler from its environment variables.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let quota = config::worker_quota()?;
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            backlog: BacklogTable::new(platform, &config::required("BACKLOG_TABLE")?),
            queue: JobQueue::new(platform, &config::required("QUEUE_URL")?),
            slots: WorkerSlots::new(platform, &config::required("WORKER_SLOTS_TABLE")?, quota),
            max_active: quota.in_flight.get(),
            circuit: config::circuit()?,
            lost_after: config::seconds("LOST_AFTER")?,
        })
    }

    /// Handles one request. The failure of one tenant does not delay the others.
    ///
    /// # Errors
    /// [`EventError`] if the backlog cannot be read, if the request names no tenant, or if the job to defer
    /// cannot be moved.
    pub async fn handle(&self, request: SchedulerRequest) -> Result<Report, EventError> {
        match request {
            SchedulerRequest::Sweep => self.sweep().await,
            SchedulerRequest::Requeue { tenant } => self.requeue(&tenant).await,
            SchedulerRequest::Defer { tenant, document } => self.defer(&tenant, document).await,
        }
    }

    async fn sweep(&self) -> Result<Report, EventError> {
        let mut report = Report::default();
        let mut after = None;
        loop {
            let (page, more) = self.backlog.page(after.as_ref()).await?;
            let mut outcomes = stream::iter(&page)
                .map(|entry| self.sweep_tenant(entry))
                .buffer_unordered(CONCURRENT_TENANTS);
            while let Some(outcome) = outcomes.next().await {
                report.add(outcome);
            }
            drop(outcomes);
            after = page.into_iter().next_back();
            if !more {
                break;
            }
        }
        tracing::info!(?report, "sweep finished");
        Ok(report)
    }

    async fn sweep_tenant(&self, entry: &BacklogEntry) -> Result<MovedJobs, EventError> {
        self.function
            .handle_event(
                |admission, invocation| Ok((admission.backlog(invocation, entry.partition())?, ())),
                async |scope, session, ()| self.move_jobs(scope, session, entry).await,
            )
            .await
    }

    /// Requeues the jobs of one tenant. A failure is counted, and the next sweep tries again.
    async fn requeue(&self, tenant: &str) -> Result<Report, EventError> {
        let outcome = self
            .function
            .handle_event(
                |admission, invocation| Ok((admission.job(invocation, Some(tenant), None)?, ())),
                async |scope, session, ()| match self.backlog.get(scope).await? {
                    Some(entry) => self.move_jobs(scope, session, &entry).await.map(Some),
                    None => Ok(None),
                },
            )
            .await;
        let mut report = Report::default();
        match outcome {
            Ok(None) => {}
            Ok(Some(moved)) => report.add(Ok(moved)),
            Err(refused @ EventError::Refused(_)) => return Err(refused),
            Err(failed) => report.add(Err(failed)),
        }
        Ok(report)
    }

    /// Lets the queued job of `document` wait. It is due at once.
    async fn defer(&self, tenant: &str, document: DocumentId) -> Result<Report, EventError> {
        self.function
            .handle_event(
                |admission, invocation| Ok((admission.job(invocation, Some(tenant), None)?, document)),
                async |_, session, document| {
                    let jobs = session.jobs();
                    let now = bulkhead_stores::now();
                    let job = jobs.active(&document).await?.filter(|job| job.is_free(now));
                    let Some(job) = job else { return Ok(()) };
                    if jobs.defer(&job, now, WaitingReason::OverLimit).await? == Transition::DocumentDeleted {
                        jobs.discard(&job).await?;
                    }
                    Ok(())
                },
            )
            .await?;
        Ok(Report::default())
    }

    /// Moves the lost and the due jobs of one tenant.
    async fn move_jobs(
        &self,
        scope: &TenantScope<'_>,
        session: TenantSession<'_>,
        entry: &BacklogEntry,
    ) -> Result<MovedJobs, StoreError> {
        let mut moved = MovedJobs::default();
        let jobs = session.jobs();
        let backlog = TenantBacklog::new(session, self.backlog.name());
        let now = bulkhead_stores::now();
        let active = jobs.all_active().await?;
        // A lost job waits; its message is not sent again now. The first message may still be in a long queue. A
        // second message would make the queue longer, and would bypass quota and circuit.
        for job in active.iter().filter(|job| job.is_lost(now)) {
            match jobs.defer(job, now, WaitingReason::Lost).await? {
                Transition::Applied(_) => moved.lost = moved.lost.saturating_add(1),
                Transition::DocumentDeleted => jobs.discard(job).await?,
                Transition::LostRace | Transition::Superseded => {}
            }
        }
        // Queued jobs will take free slots, so they count against the limit.
        let still_active = active.iter().filter(|job| !job.is_lost(now)).count();
        let free = self.slots.free(scope).await?.min(self.room(still_active)).min(MAX_REQUEUED);
        let allowed = session.circuit(self.circuit).allowed(free).await?;
        if allowed > 0 {
            for job in jobs.due(now, allowed).await? {
                if self.requeue_job(session, &job, &backlog).await? {
                    moved.requeued = moved.requeued.saturating_add(1);
                }
            }
        }
        // In this order: a job that is requeued in between marks the backlog again, so its entry stays.
        let any = !active.is_empty() || jobs.any_waiting().await?;
        if !any {
            backlog.clear(entry).await?;
        }
        Ok(moved)
    }

    /// Returns how many more jobs of the tenant may be active.
    fn room(&self, active: usize) -> u16 {
        self.max_active.saturating_sub(u16::try_from(active).unwrap_or(u16::MAX))
    }

    async fn requeue_job(
        &self,
        session: TenantSession<'_>,
        job: &Job,
        backlog: &TenantBacklog<'_>,
    ) -> Result<bool, StoreError> {
        match session.jobs().requeue(job, self.lost_after, backlog).await? {
            Transition::Applied(job) => {
                self.queue.send(session, job.sealed()).await?;
                Ok(true)
            }
            // The deletion of the document cleans up. The job has nothing left to do.
            Transition::DocumentDeleted => {
                session.jobs().discard(job).await?;
                Ok(false)
            }
            Transition::LostRace | Transition::Superseded => Ok(false),
        }
    }
}

/// The jobs of one tenant that moved.
#[derive(Debug, Clone, Copy, Default)]
struct MovedJobs {
    requeued: u32,
    lost: u32,
}

impl Report {
    fn add(&mut self, outcome: Result<MovedJobs, EventError>) {
        self.tenants = self.tenants.saturating_add(1);
        match outcome {
            Ok(moved) => {
                self.requeued = self.requeued.saturating_add(moved.requeued);
                self.lost = self.lost.saturating_add(moved.lost);
            }
            Err(_) => self.failed = self.failed.saturating_add(1),
        }
    }
}
