//! Brings waiting jobs back: those whose time has come, and those whose message or worker
//! was lost. Runs every minute, and whenever a worker says that more of its tenant's jobs
//! could go on.
//!
//! Which tenants have something to do it reads with its own role; what they have to do, in
//! a session of each. A job moves before its message is sent, so a message always finds its
//! job; where the message is lost in between, the job is found again as lost.

use std::time::Duration;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{
    Backlog, Backlogs, CircuitPolicy, Job, JobQueue, Moment, Moved, Places, Platform, Seen, StoreError,
    TenantSession,
};
use bulkhead_tenancy::names::DocumentId;
use bulkhead_tenancy::{Invocation, Refusal, TenantScope};
use futures::{StreamExt, stream};
use lambda_runtime::Diagnostic;
use serde::Serialize;

pub use bulkhead_events::ReleaseRequest;

/// Tenants looked after at the same time.
const TENANTS_AT_A_TIME: usize = 8;
/// Most jobs of one tenant that one look brings back.
const MOST: u16 = 50;

/// Why nothing, or not all, was released. The next minute tries again.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The backlog names no tenant.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReleaseError> for Diagnostic {
    fn from(error: ReleaseError) -> Self {
        Self { error_type: "ReleaseError".to_owned(), error_message: error.to_string() }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Released {
    /// Tenants with something to do.
    pub tenants: u32,
    /// Jobs whose time had come.
    pub due: u32,
    /// Jobs that were taken for lost.
    pub lost: u32,
    /// Tenants whose jobs could not be looked at.
    pub failed: u32,
}

/// The release of one tier.
pub struct Release {
    function: TenantFunction,
    backlogs: Backlogs,
    queue: JobQueue,
    places: Places,
    /// Jobs of one tenant on their way or running, beyond which none is brought back: its workers.
    most_under_way: u16,
    circuit: CircuitPolicy,
    lost_after: Duration,
}

impl Release {
    /// Prepares the release from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let cap = config::job_cap()?;
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            backlogs: Backlogs::new(platform, &config::required("BACKLOG_TABLE")?),
            queue: JobQueue::new(platform, &config::required("QUEUE_URL")?),
            places: Places::new(platform, &config::required("WORKERS_TABLE")?, cap),
            most_under_way: cap.in_flight.get(),
            circuit: config::circuit()?,
            lost_after: config::seconds("LOST_AFTER")?,
        })
    }

    /// Looks after one tenant, or after all that have something to do. A tenant whose jobs
    /// cannot be looked at keeps nobody else's waiting.
    ///
    /// # Errors
    /// [`ReleaseError`] where the backlog cannot be read.
    pub async fn handle(&self, request: ReleaseRequest) -> Result<Released, ReleaseError> {
        let mut released = Released::default();
        if let Some(partition) = request.partition {
            match request.aside {
                Some(document) => self.put_aside(&partition, &document).await?,
                None => self.all(self.backlogs.get(&partition).await?.as_slice(), &mut released).await,
            }
            return Ok(released);
        }
        let mut after = None;
        loop {
            let (page, more) = self.backlogs.page(after.as_ref()).await?;
            self.all(&page, &mut released).await;
            after = page.into_iter().next_back();
            if !more {
                break;
            }
        }
        tracing::info!(?released, "released");
        Ok(released)
    }

    async fn all(&self, entries: &[Seen], released: &mut Released) {
        let mut each = stream::iter(entries).map(|seen| self.one(seen)).buffer_unordered(TENANTS_AT_A_TIME);
        while let Some((due, lost, failed)) = each.next().await {
            released.tenants = released.tenants.saturating_add(1);
            released.due = released.due.saturating_add(due);
            released.lost = released.lost.saturating_add(lost);
            released.failed = released.failed.saturating_add(u32::from(failed));
        }
    }

    async fn one(&self, seen: &Seen) -> (u32, u32, bool) {
        let (mut due, mut lost) = (0, 0);
        let outcome = self.look_after(seen, &mut due, &mut lost).await;
        if let Err(error) = &outcome {
            match error {
                ReleaseError::Refused(refusal) => {
                    metrics::count(Counter::Refused, refusal.code(), About::default());
                }
                ReleaseError::Store(error) => metrics::count_failure(error, About::default()),
            }
            tracing::warn!(error = chain(error), "a tenant's jobs are released later");
        }
        (due, lost, outcome.is_err())
    }

    async fn look_after(&self, seen: &Seen, due: &mut u32, lost: &mut u32) -> Result<(), ReleaseError> {
        let invocation = Invocation::begin();
        let scope = self.function.admission().backlog(&invocation, seen.partition())?;
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        let jobs = session.jobs();
        let backlog = Backlog::new(session, self.backlogs.table());
        let now = Moment::now();
        let open = jobs.all_open().await?;
        // Moved aside, not sent again: where the queue is long, not lost, each message more would make
        // it longer, and walk around cap and circuit.
        for job in open.iter().filter(|job| job.is_lost(now)) {
            match jobs.park(job, now).await? {
                Moved::There(_) => *lost = lost.saturating_add(1),
                Moved::DocumentGone => jobs.finish(job).await?,
                Moved::Elsewhere | Moved::MoreCame => {}
            }
        }
        // Those that are on their way will take the places that are free.
        let under_way = open.iter().filter(|job| !job.is_lost(now)).count();
        let places = self.places.free(&scope).await?.min(self.room(under_way)).min(MOST);
        let wanted = session.breaker(self.circuit).lets_through(places).await?;
        if wanted > 0 {
            for job in jobs.due(now, wanted).await? {
                if self.bring_back(&scope, session, &job, &backlog).await? {
                    *due = due.saturating_add(1);
                }
            }
        }
        // In this order: what is brought back in between is noted anew, and the entry then stays.
        let any = !open.is_empty() || jobs.any_waiting().await?;
        if !any {
            backlog.clear(seen).await?;
        }
        Ok(())
    }

    /// How many jobs more may be on their way to the tenant's workers.
    fn room(&self, under_way: usize) -> u16 {
        self.most_under_way.saturating_sub(u16::try_from(under_way).unwrap_or(u16::MAX))
    }

    /// The tenant has no worker left: the job waits in its partition, due at once.
    async fn put_aside(&self, partition: &str, document: &DocumentId) -> Result<(), ReleaseError> {
        let invocation = Invocation::begin();
        let scope = self.function.admission().backlog(&invocation, partition)?;
        let clients = self.function.clients(&scope);
        let jobs = clients.session(&scope)?.jobs();
        let now = Moment::now();
        let job = jobs.open_for(document).await?.filter(|job| job.is_free(now));
        let Some(job) = job else { return Ok(()) };
        if jobs.park(&job, now).await? == Moved::DocumentGone {
            jobs.finish(&job).await?;
        }
        Ok(())
    }

    async fn bring_back(
        &self,
        scope: &TenantScope<'_>,
        session: TenantSession<'_>,
        job: &Job,
        backlog: &Backlog<'_>,
    ) -> Result<bool, StoreError> {
        match session.jobs().release(job, self.lost_after, backlog).await? {
            Moved::There(job) => {
                self.queue.send(scope, job.sealed()).await?;
                Ok(true)
            }
            // Deleting a document cleans up after it; the job has nothing left to do.
            Moved::DocumentGone => {
                session.jobs().finish(job).await?;
                Ok(false)
            }
            Moved::Elsewhere | Moved::MoreCame => Ok(false),
        }
    }
}
