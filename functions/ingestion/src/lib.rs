//! Does one job of one tenant: makes its document findable, and says what becomes of the
//! job.
//!
//! Idempotent: passages have names of their own, and content that was indexed before is
//! left as it is. Delivering a job twice changes nothing.

mod attempt;
mod index;
mod reading;

use std::time::SystemTime;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{CircuitPolicy, Moment, Platform, StoreError, Throttle, Workers};
use bulkhead_tenancy::{Invocation, Refusal, TenantId};
use lambda_runtime::Diagnostic;

use index::Means;

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
    readers: Workers,
    circuit: CircuitPolicy,
    embeddings: Throttle,
}

impl Ingestion {
    /// Prepares the worker from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let mode = config::isolation_mode("EXTRACTION_ISOLATION")?;
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            readers: Workers::new(platform, &config::required("EXTRACTION_FUNCTION")?, mode),
            circuit: config::circuit()?,
            embeddings: config::embeddings()?,
        })
    }

    /// Does one job for the tenant that both the job and the platform name, or as much of it as
    /// can be done before `deadline`, when Lambda ends the process.
    ///
    /// # Errors
    /// [`IngestionError`].
    pub async fn handle(
        &self,
        request: WorkerRequest,
        platform_tenant: Option<String>,
        deadline: SystemTime,
    ) -> Result<WorkerAnswer, IngestionError> {
        let mut tenant = None;
        let means =
            Means { readers: &self.readers, embeddings: self.embeddings, until: three_quarters(deadline) };
        self.run(&request, platform_tenant.as_deref(), means, &mut tenant).await.inspect_err(|error| {
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
        means: Means<'_>,
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
        attempt::attempt(session, job, self.circuit, means).await?;
        let release = !session.jobs().due(Moment::now(), 1).await?.is_empty();
        Ok(WorkerAnswer { release })
    }
}

/// Nothing is begun in the last quarter of the time that is left: what was begun before has to
/// come to its end.
fn three_quarters(deadline: SystemTime) -> SystemTime {
    let now = SystemTime::now();
    now + deadline.duration_since(now).unwrap_or_default().mul_f64(0.75)
}
