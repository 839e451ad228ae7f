use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bulkhead_tenancy::{IsolationMode, TenantScope};

use crate::error::Classify;
use crate::{Platform, StoreError};

/// Why a worker did not do a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The worker could not be called.
    #[error(transparent)]
    Call(#[from] StoreError),
    /// The worker ran and failed, or its environment died.
    #[error("the worker failed: {kind}")]
    Failed {
        /// Lambda's word for it: `Handled` or `Unhandled`.
        kind: String,
    },
}

/// One attempt, for as long as our own function runs: a second one would set a second
/// worker on the same job while the first still works.
fn once() -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .disable_operation_attempt_timeout()
            .build(),
    )
}

/// The function that works on a tenant's jobs, called with our own role.
pub struct Workers {
    lambda: aws_sdk_lambda::Client,
    function: String,
    mode: IsolationMode,
}

impl Workers {
    /// Returns the workers that run `function`, deployed with `mode`.
    pub fn new(platform: &Platform, function: &str, mode: IsolationMode) -> Self {
        Self { lambda: aws_sdk_lambda::Client::new(&platform.sdk), function: function.to_owned(), mode }
    }

    /// Runs `payload` in an environment of the tenant of `scope` and waits for the end.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn run(&self, scope: &TenantScope<'_>, payload: Vec<u8>) -> Result<(), WorkerError> {
        let tenant = match self.mode {
            IsolationMode::PerTenant => Some(scope.tenant().to_string()),
            IsolationMode::None => None,
        };
        let answer = self
            .lambda
            .invoke()
            .function_name(&self.function)
            .set_tenant_id(tenant)
            .payload(payload.into())
            .customize()
            .config_override(once())
            .send()
            .await
            .during("run worker")?;
        match answer.function_error {
            Some(kind) => Err(WorkerError::Failed { kind }),
            None => Ok(()),
        }
    }
}
