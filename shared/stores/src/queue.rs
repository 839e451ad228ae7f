use bulkhead_events::SealedJob;
use bulkhead_tenancy::TenantScope;

use crate::error::Classify;
use crate::{Platform, StoreError};

/// The queue of a tier, written with the function's own role: only intake may send.
pub struct JobQueue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl JobQueue {
    /// Returns the queue at `url`.
    pub fn new(platform: &Platform, url: &str) -> Self {
        Self { sqs: aws_sdk_sqs::Client::new(&platform.sdk), url: url.to_owned() }
    }

    /// Sends a job in the message group of its tenant, so that the queue is fair
    /// between tenants.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn send(&self, scope: &TenantScope<'_>, job: &SealedJob) -> Result<(), StoreError> {
        const OPERATION: &str = "send job";
        let body =
            serde_json::to_string(job).map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        self.sqs
            .send_message()
            .queue_url(&self.url)
            .message_group_id(scope.message_group().as_str())
            .message_body(body)
            .send()
            .await
            .during(OPERATION)?;
        Ok(())
    }
}
