//! Does one job of one tenant: makes its document findable, and says what becomes of the
//! job.
//!
//! Idempotent: passages have names of their own, and content that was indexed before is
//! left as it is. Delivering a job twice changes nothing.

mod attempt;
mod index;

use std::time::Duration;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{CircuitPolicy, Moment, Platform, StoreError};
use bulkhead_tenancy::{Invocation, Refusal, TenantId};
use lambda_runtime::Diagnostic;

pub use bulkhead_events::{WorkerAnswer, WorkerRequest};

/// Why nothing can be said of a job. Its message is delivered again.
#[derive(Debug, thiserror::Error)]
pub enum IngestionError {
    /// The job establishes no tenant.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed, or the job is not this tenant's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IngestionError> for Diagnostic {
    fn from(error: IngestionError) -> Self {
        Self { error_type: "IngestionError".to_owned(), error_message: error.to_string() }
    }
}

/// The worker of one tier.
pub struct Ingestion {
    function: TenantFunction,
    lease: Duration,
    circuit: CircuitPolicy,
}

impl Ingestion {
    /// Prepares the worker from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            lease: config::lease()?,
            circuit: config::circuit()?,
        })
    }

    /// Does one job for the tenant that both the job and the platform name.
    ///
    /// # Errors
    /// [`IngestionError`].
    pub async fn handle(
        &self,
        request: WorkerRequest,
        platform_tenant: Option<String>,
    ) -> Result<WorkerAnswer, IngestionError> {
        let mut tenant = None;
        self.run(&request, platform_tenant.as_deref(), &mut tenant).await.inspect_err(|error| {
            let about = About { tenant: tenant.as_ref(), request_id: None };
            match error {
                IngestionError::Refused(refusal) => metrics::count(Counter::Refused, refusal.code(), about),
                IngestionError::Store(error) => metrics::count_failure(error, about),
            }
            tracing::error!(error = chain(error), "nothing can be said of a job");
        })
    }

    async fn run(
        &self,
        request: &WorkerRequest,
        platform_tenant: Option<&str>,
        admitted: &mut Option<TenantId>,
    ) -> Result<WorkerAnswer, IngestionError> {
        let invocation = Invocation::begin();
        let scope = self.function.admission().job(&invocation, Some(&request.tenant), platform_tenant)?;
        *admitted = Some(scope.tenant().clone());
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        match session.jobs().open(&request.job).await {
            // Whose key is out of use cannot prove its jobs. Which one it is can be read, and
            // that it waits is all that will be written.
            Ok(_) | Err(StoreError::KeyUnusable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // Waiting, given up, done or another worker's: the message has served its purpose.
        let job = session.jobs().open_for(request.job.document()).await?;
        let Some(job) = job.filter(|job| job.is_free(Moment::now())) else {
            return Ok(WorkerAnswer { release: false });
        };
        attempt::attempt(session, job, self.circuit, self.lease).await?;
        let release = !session.jobs().due(Moment::now(), 1).await?.is_empty();
        Ok(WorkerAnswer { release })
    }
}
