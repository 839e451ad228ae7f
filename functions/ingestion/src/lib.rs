//! Works on one job of one tenant: makes the document's newest revision searchable.
//!
//! Idempotent: passages have fixed names, and indexed content is not indexed again. A repeated job changes
//! nothing.

mod attempt;
mod extraction;
mod index;

use std::time::SystemTime;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{EventError, TenantFunction};
use bulkhead_stores::{CircuitPolicy, Platform, StoreError, Throttle, WorkerClient};

use index::Context;

pub use bulkhead_events::{WorkerAnswer, WorkerRequest};

/// The worker of one tier.
pub struct Ingestion {
    function: TenantFunction,
    extraction: WorkerClient,
    circuit: CircuitPolicy,
    embeddings: Throttle,
}

impl Ingestion {
    /// Prepares the worker from its environment variables.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let mode = config::isolation_mode("EXTRACTION_ISOLATION")?;
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            extraction: WorkerClient::new(platform, &config::required("EXTRACTION_FUNCTION")?, mode),
            circuit: config::circuit()?,
            embeddings: config::embeddings()?,
        })
    }

    /// Works on one job of the tenant that both the job and Lambda name.
    ///
    /// Starts nothing new in the last quarter of the time before `deadline`, when Lambda ends the process.
    /// The job then continues in another invocation.
    ///
    /// # Errors
    /// [`EventError`] if the outcome of the job is unknown. SQS delivers its message again.
    pub async fn handle(
        &self,
        request: WorkerRequest,
        platform_tenant: Option<String>,
        deadline: SystemTime,
    ) -> Result<WorkerAnswer, EventError> {
        let context = Context {
            extraction: &self.extraction,
            embeddings: self.embeddings,
            until: three_quarters(deadline),
        };
        self.function
            .handle_event(
                |admission, invocation| {
                    let tenant = Some(request.tenant.as_str());
                    Ok((admission.job(invocation, tenant, platform_tenant.as_deref())?, ()))
                },
                async |_, session, ()| {
                    match session.jobs().open(&request.job).await {
                        // If the tenant's key is unusable, the job cannot prove its tenant. Its document id is
                        // readable, and the only thing written is that the job waits.
                        Ok(_) | Err(StoreError::KeyUnusable { .. }) => {}
                        Err(error) => return Err(error),
                    }
                    let job = session.jobs().active(request.job.document()).await?;
                    let Some(job) = job.filter(|job| job.is_free(bulkhead_stores::now())) else {
                        // The job waits, is dead, is done, or another worker has it.
                        return Ok(WorkerAnswer { more_due: false });
                    };
                    attempt::attempt(session, job, self.circuit, context).await?;
                    let more_due = !session.jobs().due(bulkhead_stores::now(), 1).await?.is_empty();
                    Ok(WorkerAnswer { more_due })
                },
            )
            .await
    }
}

/// Returns the point in time at which three quarters of the remaining time have passed.
fn three_quarters(deadline: SystemTime) -> SystemTime {
    let now = SystemTime::now();
    now + deadline.duration_since(now).unwrap_or_default().mul_f64(0.75)
}
