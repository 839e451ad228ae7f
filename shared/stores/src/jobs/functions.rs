//! Calls of the functions that work on jobs, with the caller's own role.

use std::time::Duration;

use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bulkhead_events::SchedulerRequest;
use bulkhead_tenancy::{IsolationMode, TenantScope};

use crate::error::{Classify, StoreError};
use crate::platform::Platform;
use crate::session::TenantSession;

/// Why a function returned no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The call failed; the function did not run.
    #[error(transparent)]
    Call(#[from] StoreError),
    /// The function ran and failed, or its environment crashed.
    #[error("the worker failed: {kind}")]
    Failed {
        /// The error type that Lambda reports: `Handled` or `Unhandled`.
        kind: String,
    },
}

/// One attempt without a time limit: a second attempt would start a second worker for the same job
/// while the first still runs.
fn one_attempt() -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .disable_operation_attempt_timeout()
            .build(),
    )
}

/// Calls a function that works for one tenant at a time.
pub struct WorkerClient {
    lambda: aws_sdk_lambda::Client,
    function: String,
    mode: IsolationMode,
}

impl WorkerClient {
    /// Returns a client of `function`, which is deployed with `mode`.
    pub fn new(platform: &Platform, function: &str, mode: IsolationMode) -> Self {
        Self { lambda: aws_sdk_lambda::Client::new(&platform.sdk), function: function.to_owned(), mode }
    }

    /// Runs `payload` in an environment of the session's tenant and returns the answer.
    pub async fn run_for(
        &self,
        session: TenantSession<'_>,
        payload: Vec<u8>,
    ) -> Result<Vec<u8>, WorkerError> {
        self.run(session.scope(), payload).await
    }

    /// Runs `payload` in an environment of the tenant of `scope` and returns the answer.
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
            .config_override(one_attempt())
            .send()
            .await
            .during("run worker")?;
        match answer.function_error {
            Some(kind) => Err(WorkerError::Failed { kind }),
            None => Ok(answer.payload.map(|payload| payload.into_inner()).unwrap_or_default()),
        }
    }
}

/// Calls the scheduler of the tier.
pub struct SchedulerClient {
    lambda: aws_sdk_lambda::Client,
    function: String,
}

impl SchedulerClient {
    /// Returns a client of the scheduler `function`.
    pub fn new(platform: &Platform, function: &str) -> Self {
        Self { lambda: aws_sdk_lambda::Client::new(&platform.sdk), function: function.to_owned() }
    }

    /// Sends `request` and does not wait for the result.
    pub async fn notify(&self, request: &SchedulerRequest) -> Result<(), StoreError> {
        self.invoke(request, InvocationType::Event).await?;
        Ok(())
    }

    /// Sends `request` and waits for the result.
    pub async fn call(&self, request: &SchedulerRequest) -> Result<(), WorkerError> {
        match self.invoke(request, InvocationType::RequestResponse).await?.function_error {
            Some(kind) => Err(WorkerError::Failed { kind }),
            None => Ok(()),
        }
    }

    async fn invoke(
        &self,
        request: &SchedulerRequest,
        invocation: InvocationType,
    ) -> Result<InvokeOutput, StoreError> {
        const OPERATION: &str = "call scheduler";
        let payload =
            serde_json::to_vec(request).map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        self.lambda
            .invoke()
            .function_name(&self.function)
            .invocation_type(invocation)
            .payload(payload.into())
            .send()
            .await
            .during(OPERATION)
    }
}
