//! Reads a tier's queue and passes each job to a worker of its tenant.
//!
//! A batch may contain messages of several tenants. This function opens no job: a job is sealed to its
//! tenant, and this function has no tenant session.

use bulkhead_events::{BatchAnswer, SchedulerRequest, SqsMessage, Work, WorkerAnswer, WorkerRequest};
use bulkhead_runtime::chain;
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, Counter, Subject};
use bulkhead_stores::{Platform, SchedulerClient, StoreError, WorkerClient, WorkerError, WorkerSlots};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, Refusal};
use futures::future::join_all;

pub use bulkhead_events::SqsBatch;

/// Why a message failed. SQS delivers it again, or moves it to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
enum DispatchError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the message is neither a job nor a stored object")]
    NotAJob(#[source] serde_json::Error),
    #[error("the worker's answer is malformed")]
    MalformedAnswer(#[source] serde_json::Error),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The dispatch function of one tier.
pub struct Dispatch {
    admission: Admission,
    workers: WorkerClient,
    slots: WorkerSlots,
    scheduler: SchedulerClient,
}

impl Dispatch {
    /// Prepares the function from its environment variables. `WORKER_ISOLATION` is the isolation mode of the
    /// worker. This function serves all tenants of its tier and keeps nothing of any tenant.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let mode = config::isolation_mode("WORKER_ISOLATION")?;
        Ok(Self {
            admission: Admission::new(IsolationMode::None),
            workers: WorkerClient::new(platform, &config::required("WORKER_FUNCTION")?, mode),
            slots: WorkerSlots::new(
                platform,
                &config::required("WORKER_SLOTS_TABLE")?,
                config::worker_quota()?,
            ),
            scheduler: SchedulerClient::new(platform, &config::required("SCHEDULER_FUNCTION")?),
        })
    }

    /// Handles the messages of a batch concurrently, and returns the ids of the failed ones.
    ///
    /// # Errors
    /// None: each failure concerns one message.
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
        let work: Work = serde_json::from_str(&message.body).map_err(DispatchError::NotAJob)?;
        let tenant = scope.tenant().to_string();
        let defer = SchedulerRequest::Defer { tenant: tenant.clone(), work: work.clone() };
        let unaccepted = matches!(work, Work::Stored(_));
        let request = WorkerRequest { tenant: tenant.clone(), work };
        let payload = serde_json::to_vec(&request).map_err(DispatchError::NotAJob)?;
        let Ok(slot) = self.slots.take(&scope).await? else {
            // The job becomes `waiting` before its message is deleted, so a failure between the two loses nothing.
            return Ok(self.scheduler.call(&defer).await?);
        };
        let answer = self.workers.run(&scope, payload).await;
        if let Err(error) = self.slots.release(&scope, slot).await {
            tracing::warn!(error = chain(&error), "slot release failed, slot expires later");
        }
        // Lambda has no worker: other tenants use the environments, or the account's limit is reached. SQS
        // would deliver the message much later, and count the delivery as an attempt.
        if let Err(WorkerError::Call(error)) = &answer {
            tracing::warn!(error = chain(error), "no worker available, job deferred");
            return Ok(self.scheduler.call(&defer).await?);
        }
        // The worker may have failed before it accepted the job, so nothing else knows of the object. SQS would
        // deliver the message again only after its long visibility timeout.
        if unaccepted && let Err(error) = &answer {
            tracing::warn!(error = chain(error), "worker failed, the scheduler accepts the job");
            return Ok(self.scheduler.call(&defer).await?);
        }
        let WorkerAnswer { more_due } =
            serde_json::from_slice(&answer?).map_err(DispatchError::MalformedAnswer)?;
        // If this call fails, the next sweep finds the due jobs within a minute.
        let requeue = SchedulerRequest::Requeue { tenants: vec![tenant] };
        if more_due && let Err(error) = self.scheduler.notify(&requeue).await {
            tracing::warn!(error = chain(&error), "scheduler call failed, due jobs wait for the next sweep");
        }
        Ok(())
    }
}

fn report(error: &DispatchError, message: &SqsMessage) {
    let count = |counter, reason| metrics::count(counter, reason, Subject::default());
    match error {
        DispatchError::Refused(refusal) => count(Counter::Refused, refusal.code()),
        DispatchError::NotAJob(_) => count(Counter::Refused, "not_a_job"),
        DispatchError::MalformedAnswer(_) => count(Counter::Fault, "worker_answer"),
        DispatchError::Worker(_) | DispatchError::Store(_) => {}
    }
    tracing::warn!(message_id = message.message_id, error = chain(error), "dispatch failed");
}
