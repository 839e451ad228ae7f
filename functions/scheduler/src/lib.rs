//! Moves waiting jobs back to the queue, lets queued jobs wait if no worker is free, and publishes the events of ended
//! jobs.
//!
//! Runs every minute for all tenants with unfinished jobs, and on request of `dispatch` for one tenant. The
//! function's role reads which tenants have unfinished jobs. A session of each tenant reads and moves the
//! jobs.
//!
//! A job moves before its message is sent, so a message always finds its job. If the message is lost in
//! between, the job later counts as lost and is requeued.

use std::time::{Duration, SystemTime};

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{EventError, TenantFunction, chain, three_quarters};
use bulkhead_stores::{
    BacklogEntry, BacklogTable, CircuitPolicy, EventBus, Job, JobQueue, Platform, ReceivedContent,
    SchedulerClient, StoreError, TenantBacklog, TenantSession, Transition, WaitingReason, WorkerSlots,
};
use bulkhead_tenancy::{Invocation, TenantScope};
use futures::{StreamExt, stream};
use serde::Serialize;

use bulkhead_events::Work;

pub use bulkhead_events::SchedulerRequest;

mod shares;

/// Tenants handled at the same time.
const CONCURRENT_TENANTS: usize = 16;
/// Maximum jobs of one tenant that one request moves to the queue.
const MAX_REQUEUED: u16 = 50;

/// Maximum events of one tenant that one request publishes.
const MAX_PUBLISHED: u16 = 200;

/// What one request did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tenants whose jobs this invocation read.
    pub tenants: u32,
    /// Due jobs that were requeued.
    pub requeued: u32,
    /// Jobs whose message or worker disappeared.
    pub lost: u32,
    /// Published events.
    pub published: u32,
    /// Tenants whose jobs could not be read or moved. The next sweep tries again.
    pub failed: u32,
    /// Tenants left to other invocations of the scheduler.
    pub shared: u32,
    /// Tenants for which there was no time. Each sweep has another order, so a later one reaches them.
    pub skipped: u32,
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
    events: EventBus,
    /// This function, for the tenants that one invocation cannot handle.
    itself: SchedulerClient,
}

impl Scheduler {
    /// Prepares the scheduler from its environment variables.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let quota = config::worker_quota()?;
        Ok(Self {
            itself: SchedulerClient::new(platform, &config::required("AWS_LAMBDA_FUNCTION_NAME")?),
            function: TenantFunction::from_env(platform)?,
            backlog: BacklogTable::new(platform, &config::required("BACKLOG_TABLE")?),
            queue: JobQueue::new(platform, &config::required("QUEUE_URL")?),
            slots: WorkerSlots::new(platform, &config::required("WORKER_SLOTS_TABLE")?, quota),
            max_active: quota.in_flight.get(),
            circuit: config::circuit()?,
            lost_after: config::seconds("LOST_AFTER")?,
            events: EventBus::new(platform, &config::required("EVENT_BUS")?),
        })
    }

    /// Handles one request. The failure of one tenant does not delay the others. Starts no further tenant in the
    /// last quarter of the time before `deadline`.
    ///
    /// # Errors
    /// [`EventError`] if the backlog cannot be read, if the request names no tenant, or if the job to defer
    /// cannot be moved.
    pub async fn handle(
        &self,
        request: SchedulerRequest,
        deadline: SystemTime,
    ) -> Result<Report, EventError> {
        let until = three_quarters(deadline);
        match request {
            SchedulerRequest::Sweep => self.sweep(until).await,
            SchedulerRequest::Requeue { tenants } => self.requeue(&tenants, until).await,
            SchedulerRequest::Defer { tenant, work } => self.defer(&tenant, work).await,
        }
    }

    /// Reads the whole backlog, keeps one share of the tenants and leaves the others to invocations of their own.
    ///
    /// The order is random, so that no tenant is always the last one.
    async fn sweep(&self, until: SystemTime) -> Result<Report, EventError> {
        let mut entries = Vec::new();
        loop {
            let (page, more) = self.backlog.page(entries.last()).await?;
            entries.extend(page);
            if !more {
                break;
            }
        }
        fastrand::shuffle(&mut entries);
        let mut report = Report::default();
        let mut shares = shares::split(&entries).into_iter();
        let own = shares.next().unwrap_or_default();
        for share in shares {
            let invocation = Invocation::begin();
            let admitted =
                share.iter().map(|entry| self.function.admission().backlog(&invocation, entry.partition()));
            let tenants = admitted.flatten().map(|scope| scope.tenant().to_string()).collect();
            let request = SchedulerRequest::Requeue { tenants };
            let number = u32::try_from(share.len()).unwrap_or(u32::MAX);
            match self.itself.notify(&request).await {
                Ok(()) => report.shared = report.shared.saturating_add(number),
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "share not sent, its tenants wait for the next sweep"
                    );
                    report.skipped = report.skipped.saturating_add(number);
                }
            }
        }
        let mut outcomes = stream::iter(own)
            .map(|entry| async move {
                if SystemTime::now() >= until { None } else { Some(self.sweep_tenant(entry).await) }
            })
            .buffer_unordered(CONCURRENT_TENANTS);
        while let Some(outcome) = outcomes.next().await {
            report.add(outcome);
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

    /// Requeues the jobs of some tenants. A failure is counted, and the next sweep tries again.
    async fn requeue(&self, tenants: &[String], until: SystemTime) -> Result<Report, EventError> {
        let mut report = Report::default();
        let mut refusal = None;
        let mut outcomes = stream::iter(tenants)
            .map(|tenant| async move {
                if SystemTime::now() >= until { None } else { Some(self.requeue_tenant(tenant).await) }
            })
            .buffer_unordered(CONCURRENT_TENANTS);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Some(Err(refused @ EventError::Refused(_))) => refusal = Some(refused),
                other => report.add(other),
            }
        }
        drop(outcomes);
        tracing::info!(?report, "requeue finished");
        refusal.map_or(Ok(report), Err)
    }

    async fn requeue_tenant(&self, tenant: &str) -> Result<MovedJobs, EventError> {
        self.function
            .handle_event(
                |admission, invocation| Ok((admission.job(invocation, Some(tenant), None)?, ())),
                async |scope, session, ()| match self.backlog.get(scope).await? {
                    Some(entry) => self.move_jobs(scope, session, &entry).await,
                    None => Ok(MovedJobs::default()),
                },
            )
            .await
    }

    /// Lets the queued job of `work` wait. It is due at once. Accepts the job of a stored object first.
    async fn defer(&self, tenant: &str, work: Work) -> Result<Report, EventError> {
        let bucket = &self.function.settings().bucket;
        self.function
            .handle_event(
                |admission, invocation| match work {
                    Work::Job(job) => {
                        let scope = admission.job(invocation, Some(tenant), None)?;
                        Ok((scope, (job.document().clone(), None)))
                    }
                    Work::Stored(object) => {
                        let named = (object.bucket.as_str(), object.key.as_str());
                        let (scope, document, revision) =
                            admission.stored_object(invocation, Some(tenant), None, bucket, named)?;
                        Ok((scope, (document, Some(ReceivedContent { revision, bytes: object.bytes }))))
                    }
                },
                async |_, session, (document, received)| {
                    let jobs = session.jobs();
                    if let Some(content) = received {
                        let backlog = TenantBacklog::new(session, self.backlog.name());
                        jobs.accept(&document, content, self.lost_after, &backlog).await?;
                    }
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
            moved.lost = moved.lost.saturating_add(defer_lost(session, job).await?);
        }
        // Queued jobs will take free slots, so they count against the limit.
        let still_active = active.iter().filter(|job| !job.is_lost(now)).count();
        let free = self.slots.free(scope).await?.min(self.room(still_active)).min(MAX_REQUEUED);
        let allowed = session.circuit(self.circuit).allowed(free).await?;
        if allowed > 0 {
            for job in jobs.due(now, allowed).await? {
                if self.requeue_job(scope, session, &job, &backlog).await? {
                    moved.requeued = moved.requeued.saturating_add(1);
                }
            }
        }
        // In this order: a job that is requeued in between marks the backlog again, so its entry stays.
        let last = jobs.last_waiting().await?;
        // A damaged due time would never come. Each sweep corrects one.
        if let Some(job) = last.as_ref().filter(|job| job.is_damaged(now)) {
            moved.lost = moved.lost.saturating_add(defer_lost(session, job).await?);
        }
        // In this order: a job that was active above ends with an event, which this finds. So a tenant with an event keeps
        // its entry until the event is published.
        let all_published = self.publish(scope, session, &mut moved).await?;
        if active.is_empty() && last.is_none() && all_published {
            backlog.clear(entry).await?;
        }
        Ok(moved)
    }

    /// Publishes the oldest events of one tenant. Returns whether none is left.
    ///
    /// An event is removed after it is published: a crash in between publishes it again, with the same id.
    async fn publish(
        &self,
        scope: &TenantScope<'_>,
        session: TenantSession<'_>,
        moved: &mut MovedJobs,
    ) -> Result<bool, StoreError> {
        let outbox = session.outbox();
        let waiting = outbox.oldest(MAX_PUBLISHED).await?;
        for events in waiting.chunks(EventBus::MAX_EVENTS) {
            let published = self.events.publish(scope, events).await?;
            for event in &published {
                outbox.remove(event).await?;
                moved.published = moved.published.saturating_add(1);
            }
            if published.len() < events.len() {
                tracing::warn!(tenant = %session.tenant(), "events refused by the bus, the next sweep sends them");
                return Ok(false);
            }
        }
        Ok(waiting.len() < usize::from(MAX_PUBLISHED))
    }

    /// Returns how many more jobs of the tenant may be active.
    fn room(&self, active: usize) -> u16 {
        self.max_active.saturating_sub(u16::try_from(active).unwrap_or(u16::MAX))
    }

    async fn requeue_job(
        &self,
        scope: &TenantScope<'_>,
        session: TenantSession<'_>,
        job: &Job,
        backlog: &TenantBacklog<'_>,
    ) -> Result<bool, StoreError> {
        match session.jobs().requeue(job, self.lost_after, backlog).await? {
            Transition::Applied(job) => {
                self.queue.send(scope, &session.jobs().message(&job).await?).await?;
                Ok(true)
            }
            Transition::DocumentDeleted => {
                session.jobs().discard(job).await?;
                Ok(false)
            }
            Transition::LostRace | Transition::Superseded => Ok(false),
        }
    }
}

/// Lets a lost job wait, due at once. Returns the number of jobs that moved.
async fn defer_lost(session: TenantSession<'_>, job: &Job) -> Result<u32, StoreError> {
    match session.jobs().defer(job, bulkhead_stores::now(), WaitingReason::Lost).await? {
        Transition::Applied(_) => return Ok(1),
        Transition::DocumentDeleted => drop(session.jobs().discard(job).await?),
        Transition::LostRace | Transition::Superseded => {}
    }
    Ok(0)
}

/// The jobs of one tenant that moved.
#[derive(Debug, Clone, Copy, Default)]
struct MovedJobs {
    requeued: u32,
    lost: u32,
    published: u32,
}

impl Report {
    /// Counts one tenant. `None`: there was no time for it.
    fn add(&mut self, outcome: Option<Result<MovedJobs, EventError>>) {
        match outcome {
            Some(Ok(moved)) => {
                self.tenants = self.tenants.saturating_add(1);
                self.requeued = self.requeued.saturating_add(moved.requeued);
                self.lost = self.lost.saturating_add(moved.lost);
                self.published = self.published.saturating_add(moved.published);
            }
            Some(Err(_)) => {
                self.tenants = self.tenants.saturating_add(1);
                self.failed = self.failed.saturating_add(1);
            }
            None => self.skipped = self.skipped.saturating_add(1),
        }
    }
}
