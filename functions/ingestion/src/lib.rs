//! Works on one job of one tenant: makes the document's newest revision searchable.
//!
//! Idempotent: passages have fixed names, and indexed content is not indexed again. A repeated job changes
//! nothing.

mod attempt;
mod extraction;
mod index;

use std::time::{Duration, SystemTime};

use bulkhead_events::{SealedJob, Work};
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{EventError, TenantFunction, three_quarters};
use bulkhead_stores::{
    BudgetSettings, CircuitPolicy, Platform, ReceivedContent, StoreError, TenantBacklog, TenantSession,
    Throttle, WorkerClient,
};
use bulkhead_tenancy::names::DocumentId;

use index::Context;

pub use bulkhead_events::{WorkerAnswer, WorkerRequest};

/// The worker of one tier.
pub struct Ingestion {
    function: TenantFunction,
    extraction: WorkerClient,
    circuit: CircuitPolicy,
    embeddings: Throttle,
    budgets: BudgetSettings,
    backlog: String,
    lost_after: Duration,
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
            budgets: config::worker_budgets(config::models()?.catalogue())?,
            backlog: config::required("BACKLOG_TABLE")?,
            lost_after: config::seconds("LOST_AFTER")?,
        })
    }

    /// Works on one job of the tenant that both the message and Lambda name. Accepts the job of a stored object
    /// first.
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
            budgets: &self.budgets,
            until: three_quarters(deadline),
        };
        let bucket = &self.function.settings().bucket;
        self.function
            .handle_event(
                |admission, invocation| {
                    let (tenant, platform) = (Some(request.tenant.as_str()), platform_tenant.as_deref());
                    match request.work {
                        Work::Job(job) => {
                            Ok((admission.job(invocation, tenant, platform)?, Admitted::Job(job)))
                        }
                        Work::Stored(object) => {
                            let named = (object.bucket.as_str(), object.key.as_str());
                            let (scope, document, revision) =
                                admission.stored_object(invocation, tenant, platform, bucket, named)?;
                            let content = ReceivedContent { revision, bytes: object.bytes };
                            Ok((scope, Admitted::Stored(document, content)))
                        }
                    }
                },
                async |_, session, work| {
                    let document = self.receive(session, work).await?;
                    let job = session.jobs().active(&document).await?;
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

/// The work of a request, after its admission.
enum Admitted {
    Job(SealedJob),
    Stored(DocumentId, ReceivedContent),
}

impl Ingestion {
    /// Opens a job, or accepts the job of a stored object. Returns the document.
    async fn receive(&self, session: TenantSession<'_>, work: Admitted) -> Result<DocumentId, StoreError> {
        match work {
            Admitted::Job(job) => match session.jobs().open(&job).await {
                // If the tenant's key is unusable, the job cannot prove its tenant. Its document id is readable,
                // and the only thing written is that the job waits.
                Ok(_) | Err(StoreError::KeyUnusable { .. }) => Ok(job.document().clone()),
                Err(error) => Err(error),
            },
            Admitted::Stored(document, content) => {
                let backlog = TenantBacklog::new(session, &self.backlog);
                session.jobs().accept(&document, content, self.lost_after, &backlog).await?;
                Ok(document)
            }
        }
    }
}
