//! The process's own connection to AWS, under the function's execution role.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockruntime::types::{
    GuardrailConfiguration, GuardrailStreamConfiguration, GuardrailStreamProcessingMode,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::endpoint::{Endpoint, InvalidEndpoint};

/// A required environment variable is missing.
#[derive(Debug, thiserror::Error)]
#[error("environment variable `{name}` is not set; Lambda sets it for every function")]
pub struct MissingVariable {
    name: &'static str,
}

/// The environment variables of a function are incomplete or invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlatform {
    /// A variable is missing.
    #[error(transparent)]
    Missing(#[from] MissingVariable),
    /// The endpoint of models is invalid.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
}

/// A guardrail of Bedrock, applied to every prompt and answer of the stack.
#[derive(Debug)]
pub(crate) struct Guardrail {
    id: String,
    version: String,
}

impl Guardrail {
    pub(crate) fn of_answers(&self) -> GuardrailConfiguration {
        GuardrailConfiguration::builder()
            .guardrail_identifier(&self.id)
            .guardrail_version(&self.version)
            .build()
    }

    /// Returns the guardrail for answers in parts. Bedrock checks each part before it sends it.
    pub(crate) fn of_streams(&self) -> GuardrailStreamConfiguration {
        GuardrailStreamConfiguration::builder()
            .guardrail_identifier(&self.id)
            .guardrail_version(&self.version)
            .stream_processing_mode(GuardrailStreamProcessingMode::Sync)
            .build()
    }
}

/// How the functions reach models, the same for every tenant of the stack.
#[derive(Debug, Default)]
pub(crate) struct ModelAccess {
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) guardrail: Option<Guardrail>,
}

impl ModelAccess {
    /// Reads `MODEL_URL`, `MODEL_KEY_SECRET`, `GUARDRAIL_ID` and `GUARDRAIL_VERSION`, all optional.
    fn from_env(sdk: &SdkConfig) -> Result<Self, InvalidPlatform> {
        let endpoint = optional("MODEL_URL")
            .map(|url| Endpoint::new(&url, optional("MODEL_KEY_SECRET"), sdk))
            .transpose()?;
        let guardrail = match optional("GUARDRAIL_ID") {
            Some(id) => {
                let version =
                    optional("GUARDRAIL_VERSION").ok_or(MissingVariable { name: "GUARDRAIL_VERSION" })?;
                Some(Guardrail { id, version })
            }
            None => None,
        };
        Ok(Self { endpoint, guardrail })
    }
}

/// Region, endpoint, HTTP client and the execution role's credentials.
///
/// Does not use the SDK's default provider chain. In Lambda the credentials are always three environment
/// variables, and the chain costs more than the rest of a cold start.
#[derive(Debug, Clone)]
pub struct Platform {
    pub(crate) sdk: SdkConfig,
    pub(crate) models: Arc<ModelAccess>,
}

impl Platform {
    /// Reads the variables that Lambda sets for every function, and optionally `AWS_ENDPOINT_URL` (one
    /// address for all services) and `AWS_ENDPOINT_URL_<SERVICE>` (the address of one service):
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    ///
    /// # Errors
    /// A variable is missing, or the endpoint of models is invalid.
    pub fn from_env() -> Result<Self, InvalidPlatform> {
        let required = |name| optional(name).ok_or(MissingVariable { name });
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            optional("AWS_SESSION_TOKEN"),
            None,
            "execution role",
        );
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(3))
                    // Three attempts fit into the 29 seconds of a request.
                    .operation_attempt_timeout(Duration::from_secs(8))
                    .build(),
            );
        sdk.set_endpoint_url(optional("AWS_ENDPOINT_URL"));
        sdk.set_service_config(Some(ServiceSettings));
        let sdk = sdk.build();
        let models = Arc::new(ModelAccess::from_env(&sdk)?);
        Ok(Self { sdk, models })
    }
}

/// Settings of a single service, from the environment.
#[derive(Debug)]
struct ServiceSettings;

impl LoadServiceConfig for ServiceSettings {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        optional(&format!("{}_{}", key.env(), key.service_id().to_uppercase().replace(' ', "_")))
    }
}

fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// For `provisioning`, which also calls AWS. Functions must not use it, because they must not
/// name an SDK type.
#[doc(hidden)]
pub mod control {
    /// Returns the SDK configuration of `platform`.
    pub fn sdk(platform: &super::Platform) -> &aws_types::SdkConfig {
        &platform.sdk
    }
}
