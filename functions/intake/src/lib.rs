//! Forwards each stored revision of a document to the job queue, in the message group of its tenant.
//!
//! Triggered by the "object created" event of the bucket. All tenants share the queue of these events, and it
//! is not fair. So this function only forwards: it needs one call and no session. The job queue is fair, and a
//! worker of the tenant accepts the job.

use bulkhead_events::{StoredObject, Work};
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{Counter, Subject};
use bulkhead_runtime::{EventError, chain, metrics};
use bulkhead_stores::{JobQueue, Platform};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode};

pub use bulkhead_events::ObjectCreated;

/// The intake of one tier.
pub struct Intake {
    admission: Admission,
    bucket: String,
    queue: JobQueue,
}

impl Intake {
    /// Prepares the intake from its environment variables. It serves all tenants of its tier and keeps nothing
    /// of any tenant.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            admission: Admission::new(IsolationMode::None),
            bucket: config::required("BUCKET")?,
            queue: JobQueue::new(platform, &config::required("QUEUE_URL")?),
        })
    }

    /// Forwards one object. Idempotent: a repeated event sends a message that finds nothing to do.
    ///
    /// # Errors
    /// [`EventError`]. Lambda repeats the event twice, and then keeps it in the dead-letter queue.
    pub async fn handle(&self, event: ObjectCreated) -> Result<(), EventError> {
        let invocation = Invocation::begin();
        let admitted = self.admission.object(&invocation, &self.bucket, event.bucket(), event.key());
        let (scope, document, revision) = admitted.inspect_err(|refusal| {
            metrics::count(Counter::Refused, refusal.code(), Subject::default());
            tracing::error!(error = %refusal, "event refused");
        })?;
        let object = StoredObject {
            bucket: event.bucket().to_owned(),
            key: event.key().to_owned(),
            bytes: event.size(),
        };
        self.queue.send(&scope, &Work::Stored(object)).await.inspect_err(|error| {
            metrics::count_failure(error, Subject { tenant: Some(scope.tenant()), request_id: None });
            tracing::error!(tenant = %scope.tenant(), error = chain(error), "event failed");
        })?;
        tracing::info!(tenant = %scope.tenant(), %document, revision = revision.number(), "object forwarded");
        Ok(())
    }
}
