use std::time::Duration;

use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bulkhead_tenancy::{IsolationMode, TenantScope};

use crate::error::Classify;
use crate::{Platform, StoreError, TenantSession};

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

/// A function that works for one tenant at a time, called with our own role.
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

    /// Runs `payload` in an environment of the session's tenant and returns its answer.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn run_for(
        &self,
        session: TenantSession<'_>,
        payload: Vec<u8>,
    ) -> Result<Vec<u8>, WorkerError> {
        self.run(session.scope(), payload).await
    }

    /// Runs `payload` in an environment of the tenant of `scope` and returns its answer.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn run(&self, scope: &TenantScope<'_>, payload: Vec<u8>) -> Result<Vec<u8>, WorkerError> {
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
            None => Ok(answer.payload.map(|payload| payload.into_inner()).unwrap_or_default()),
        }
    }
}

/// The function that brings waiting jobs back, asked with our own role.
pub struct Releases {
    lambda: aws_sdk_lambda::Client,
    function: String,
}

impl Releases {
    /// Returns the releases that `function` makes.
    pub fn new(platform: &Platform, function: &str) -> Self {
        Self { lambda: aws_sdk_lambda::Client::new(&platform.sdk), function: function.to_owned() }
    }

    /// Asks, and does not wait for the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ask(&self, payload: Vec<u8>) -> Result<(), StoreError> {
        self.invoke(payload, InvocationType::Event).await?;
        Ok(())
    }

    /// Asks, and waits for the end.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn run(&self, payload: Vec<u8>) -> Result<(), WorkerError> {
        match self.invoke(payload, InvocationType::RequestResponse).await?.function_error {
            Some(kind) => Err(WorkerError::Failed { kind }),
            None => Ok(()),
        }
    }

    async fn invoke(&self, payload: Vec<u8>, how: InvocationType) -> Result<InvokeOutput, StoreError> {
        self.lambda
            .invoke()
            .function_name(&self.function)
            .invocation_type(how)
            .payload(payload.into())
            .send()
            .await
            .during("ask for release")
    }
}
