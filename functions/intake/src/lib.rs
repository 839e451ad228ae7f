//! Accepts a stored revision of a document: creates its job and sends the job to the queue.
//!
//! Triggered by the "object created" event of the bucket. The job is sealed to the tenant and sent in the
//! tenant's message group.

use std::time::Duration;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{EventError, TenantFunction};
use bulkhead_stores::{IngestionJob, JobQueue, Platform, ReceivedContent, TenantBacklog};

pub use bulkhead_events::ObjectCreated;

/// The intake of one tier.
pub struct Intake {
    function: TenantFunction,
    queue: JobQueue,
    backlog: String,
    lost_after: Duration,
}

impl Intake {
    /// Prepares the intake from its environment variables.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let queue = JobQueue::new(platform, &config::required("QUEUE_URL")?);
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            queue,
            backlog: config::required("BACKLOG_TABLE")?,
            lost_after: config::seconds("LOST_AFTER")?,
        })
    }

    /// Accepts one object. Idempotent: a repeated event sends a message that finds nothing to do.
    ///
    /// # Errors
    /// [`EventError`]. Lambda repeats the event twice, and then keeps it in the dead-letter queue.
    pub async fn handle(&self, event: ObjectCreated) -> Result<(), EventError> {
        let bucket = &self.function.settings().bucket;
        self.function
            .handle_event(
                |admission, invocation| {
                    let (scope, document, revision) =
                        admission.object(invocation, bucket, event.bucket(), event.key())?;
                    Ok((scope, (document, revision)))
                },
                async |scope, session, (document, revision)| {
                    let job = session.jobs().seal(&IngestionJob { document: document.clone() }).await?;
                    // The job is accepted before its message is sent, so a lost message does not lose it.
                    let backlog = TenantBacklog::new(session, &self.backlog);
                    let content = ReceivedContent { revision, bytes: event.size() };
                    session.jobs().accept(&document, content, job.clone(), self.lost_after, &backlog).await?;
                    self.queue.send(session, &job).await?;
                    tracing::info!(tenant = %scope.tenant(), %document, "job accepted");
                    Ok(())
                },
            )
            .await
    }
}
