//! Reads a tier's queue, whose batches mix tenants, and hands each job to a worker of
//! its tenant. Opens nothing: a job is sealed to its tenant, and this function has no
//! session.

use bulkhead_events::{BatchAnswer, ReleaseRequest, SealedJob, SqsMessage, WorkerAnswer, WorkerRequest};
use bulkhead_runtime::chain;
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_stores::{Places, Platform, Releases, StoreError, WorkerError, Workers};
use bulkhead_tenancy::names::DocumentId;
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, Refusal, TenantScope};
use futures::future::join_all;

pub use bulkhead_events::SqsBatch;

/// Why a message has to be delivered again, or end in the dead-letter queue.
#[derive(Debug, thiserror::Error)]
enum DispatchError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the message is not a job")]
    NotAJob(#[source] serde_json::Error),
    #[error("the worker's answer cannot be read")]
    NoAnswer(#[source] serde_json::Error),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The dispatch of one tier.
pub struct Dispatch {
    admission: Admission,
    workers: Workers,
    places: Places,
    releases: Releases,
}

impl Dispatch {
    /// Prepares the dispatch from its environment variables. `WORKER_ISOLATION` states
    /// the mode in which the worker is deployed; this function itself serves all tenants
    /// of its tier and remembers none.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let mode = config::isolation_mode("WORKER_ISOLATION")?;
        let workers = Workers::new(platform, &config::required("WORKER_FUNCTION")?, mode);
        let releases = Releases::new(platform, &config::required("RELEASE_FUNCTION")?);
        let places = Places::new(platform, &config::required("WORKERS_TABLE")?, config::job_cap()?);
        Ok(Self { admission: Admission::new(IsolationMode::None), workers, places, releases })
    }

    /// Works through a batch, its messages side by side so that a slow one does not hold
    /// up the others, and names those that failed.
    ///
    /// # Errors
    /// None: a failure is a failure of its own message.
    pub async fn handle(&self, batch: SqsBatch) -> Result<BatchAnswer, std::convert::Infallible> {
        let outcomes = join_all(batch.records.iter().map(|message| async move {
            self.dispatch(message).await.err().map(|error| {
                report(&error, message);
                message.message_id.clone()
            })
        }));
        Ok(outcomes.await.into_iter().flatten().collect())
    }

    async fn dispatch(&self, message: &SqsMessage) -> Result<(), DispatchError> {
        let invocation = Invocation::begin();
        let group = message.attributes.message_group_id.as_deref();
        let scope = self.admission.job(&invocation, group, None)?;
        let job: SealedJob = serde_json::from_str(&message.body).map_err(DispatchError::NotAJob)?;
        let document = job.document().clone();
        let request = WorkerRequest { tenant: scope.tenant().to_string(), job };
        let payload = serde_json::to_vec(&request).map_err(DispatchError::NotAJob)?;
        let hold = match self.places.enter(&scope).await? {
            Ok(hold) => hold,
            // Put aside before the message goes: a job is always somewhere.
            Err(_) => return Ok(self.releases.run(release(&scope, Some(document))?).await?),
        };
        let answer = self.workers.run(&scope, payload).await;
        if let Err(error) = self.places.leave(&scope, hold).await {
            tracing::warn!(error = chain(&error), "a worker's place comes back when its time is over");
        }
        // No worker could be had: others' environments are in the way, or the account's limit. The
        // queue would bring the message back much later, and with one chance less.
        if let Err(WorkerError::Call(error)) = &answer {
            tracing::warn!(error = chain(error), "a job is put aside: there is no worker");
            return Ok(self.releases.run(release(&scope, Some(document))?).await?);
        }
        // Whatever it says, the message has served its purpose.
        let WorkerAnswer { release: more } =
            serde_json::from_slice(&answer?).map_err(DispatchError::NoAnswer)?;
        // Where asking fails, what waits is found within a minute.
        if more && let Err(error) = self.releases.ask(release(&scope, None)?).await {
            tracing::warn!(error = chain(&error), "jobs are released a little later");
        }
        Ok(())
    }
}

fn release(scope: &TenantScope<'_>, aside: Option<DocumentId>) -> Result<Vec<u8>, DispatchError> {
    let partition = Some(scope.partition().as_str().to_owned());
    serde_json::to_vec(&ReleaseRequest { partition, aside }).map_err(DispatchError::NotAJob)
}

fn report(error: &DispatchError, message: &SqsMessage) {
    match error {
        DispatchError::Refused(refusal) => metrics::count(Counter::Refused, refusal.code(), About::default()),
        DispatchError::NotAJob(_) => metrics::count(Counter::Refused, "not_a_job", About::default()),
        DispatchError::NoAnswer(_) => metrics::count(Counter::Fault, "worker_answer", About::default()),
        DispatchError::Worker(_) | DispatchError::Store(_) => {}
    }
    tracing::warn!(message_id = message.message_id, error = chain(error), "a job was not done");
}
