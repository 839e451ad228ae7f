//! Takes in what was uploaded: an object was created, so a job is accepted, and put on the
//! queue in its tenant's group and sealed to its tenant.

use std::time::Duration;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{Arrived, Backlog, IngestionJob, JobQueue, Platform, StoreError};
use bulkhead_tenancy::{Invocation, Refusal, TenantId};
use lambda_runtime::Diagnostic;

pub use bulkhead_events::ObjectCreated;

/// Why an object was not taken in. Lambda tries again, then keeps the event.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The event names no tenant of ours.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IntakeError> for Diagnostic {
    fn from(error: IntakeError) -> Self {
        Self { error_type: "IntakeError".to_owned(), error_message: error.to_string() }
    }
}

/// The intake of one tier.
pub struct Intake {
    function: TenantFunction,
    queue: JobQueue,
    backlog: String,
    lost_after: Duration,
}

impl Intake {
    /// Prepares the intake from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let queue = JobQueue::new(platform, &config::required("QUEUE_URL")?);
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            queue,
            backlog: config::required("BACKLOG_TABLE")?,
            lost_after: config::seconds("LOST_AFTER")?,
        })
    }

    /// Takes in one object. Doing so twice sends two messages, of which the second finds
    /// nothing to do.
    ///
    /// # Errors
    /// [`IntakeError`].
    pub async fn handle(&self, event: ObjectCreated) -> Result<(), IntakeError> {
        let mut tenant = None;
        self.take_in(event, &mut tenant).await.inspect_err(|error| {
            let about = About { tenant: tenant.as_ref(), request_id: None };
            match error {
                IntakeError::Refused(refusal) => metrics::count(Counter::Refused, refusal.code(), about),
                IntakeError::Store(error) => metrics::count_failure(error, about),
            }
            tracing::error!(error = chain(error), "an object was not taken in");
        })
    }

    async fn take_in(
        &self,
        event: ObjectCreated,
        admitted: &mut Option<TenantId>,
    ) -> Result<(), IntakeError> {
        let invocation = Invocation::begin();
        let (scope, document, revision) = self.function.admission().object(
            &invocation,
            &self.function.settings().bucket,
            event.bucket(),
            event.key(),
        )?;
        *admitted = Some(scope.tenant().clone());
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        let job = session.jobs().seal(&IngestionJob { document: document.clone() }).await?;
        // Accepted first: from here on it is done even if the message is lost.
        let backlog = Backlog::new(session, &self.backlog);
        let arrived = Arrived { revision, bytes: event.size() };
        session.jobs().accept(&document, arrived, job.clone(), self.lost_after, &backlog).await?;
        self.queue.send(&scope, &job).await?;
        tracing::info!(tenant = %scope.tenant(), %document, "queued");
        Ok(())
    }
}
