//! Reads a tier's queue, whose batches mix tenants, and hands each job to a worker of
//! its tenant. Opens nothing: a job is sealed to its tenant, and this function has no
//! session.

use bulkhead_events::{BatchAnswer, SqsMessage, WorkerRequest};
use bulkhead_runtime::chain;
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_stores::{Platform, WorkerError, Workers};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, Refusal};
use futures::future::join_all;

pub use bulkhead_events::SqsBatch;

/// Why a message has to be delivered again, or end in the dead-letter queue.
#[derive(Debug, thiserror::Error)]
enum DispatchError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the message is not a job")]
    NotAJob(#[source] serde_json::Error),
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

/// The dispatch of one tier.
pub struct Dispatch {
    admission: Admission,
    workers: Workers,
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
        Ok(Self { admission: Admission::new(IsolationMode::None), workers })
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
        let job = serde_json::from_str(&message.body).map_err(DispatchError::NotAJob)?;
        let request = WorkerRequest { tenant: scope.tenant().to_string(), job };
        let payload = serde_json::to_vec(&request).map_err(DispatchError::NotAJob)?;
        Ok(self.workers.run(&scope, payload).await?)
    }
}

fn report(error: &DispatchError, message: &SqsMessage) {
    match error {
        DispatchError::Refused(refusal) => metrics::count(Counter::Refused, refusal.code(), About::default()),
        DispatchError::NotAJob(_) => metrics::count(Counter::Refused, "not_a_job", About::default()),
        DispatchError::Worker(_) => {}
    }
    tracing::warn!(message_id = message.message_id, error = chain(error), "a job was not done");
}
