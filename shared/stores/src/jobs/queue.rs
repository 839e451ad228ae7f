use bulkhead_events::Work;
use bulkhead_tenancy::TenantScope;

use crate::error::{Classify, StoreError};
use crate::platform::Platform;

/// The job queue of a tier. Uses the function's own role; only `intake` and `scheduler` may send.
pub struct JobQueue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl JobQueue {
    /// Returns the queue at `url`.
    pub fn new(platform: &Platform, url: &str) -> Self {
        Self { sqs: aws_sdk_sqs::Client::new(&platform.sdk), url: url.to_owned() }
    }

    /// Sends `work` in the message group of the tenant of `scope`. Groups keep the queue fair between tenants.
    pub async fn send(&self, scope: &TenantScope<'_>, work: &Work) -> Result<(), StoreError> {
        const OPERATION: &str = "send job";
        let body =
            serde_json::to_string(work).map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
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
