#![doc = include_str!("../README.md")]

use aws_config::{BehaviorVersion, Region};
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use bulkhead_stores::platform::control;
use bulkhead_stores::{SessionCredentials, SessionSettings, StoreError, TenantClients};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, OperatorAuthority, TenantId};
use serde_json::Value;

/// Why an operator's call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// No credentials or no Region configured.
    #[error("no AWS {0} found; sign in (`aws sso login`, `AWS_PROFILE`) and set a Region (`--region`)")]
    NotSignedIn(&'static str),
    /// A call to AWS failed.
    #[error("{operation} failed")]
    Call {
        /// The operation.
        operation: String,
        /// The error of the AWS SDK.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The control plane rejected the request.
    #[error("the control plane rejected the request: {message}")]
    Refused {
        /// Stable code.
        code: String,
        /// Message.
        message: String,
    },
    /// AWS or the control plane returned an unexpected response.
    #[error("unexpected response: {0}")]
    Answer(String),
    /// The tenant's session could not be opened.
    #[error("cannot open the tenant's session")]
    Session(#[from] StoreError),
}

/// One tier of a deployment. The names of its roles and functions derive from these two.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The stage of the stack.
    pub stage: String,
    /// The tier.
    pub tier: String,
}

/// A signed-in operator: credentials of the operator role.
pub struct Operator {
    sdk: SdkConfig,
    deployment: Deployment,
    identity: String,
    partition: String,
    account: String,
}

impl Operator {
    /// Assumes the operator role of `deployment` with the default credential chain:
    /// environment variables, profiles, single sign-on, instance role.
    pub async fn sign_in(deployment: Deployment, region: Option<String>) -> Result<Self, OperatorError> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        let own = loader.load().await;
        if own.region().is_none() {
            return Err(OperatorError::NotSignedIn("Region"));
        }
        if own.credentials_provider().is_none() {
            return Err(OperatorError::NotSignedIn("credentials"));
        }
        let caller = aws_sdk_sts::Client::new(&own)
            .get_caller_identity()
            .send()
            .await
            .map_err(failed("`sts:GetCallerIdentity`"))?;
        let identity = caller.arn.unwrap_or_default();
        let mut parts = identity.split(':');
        let (Some(partition), Some(account)) = (parts.nth(1), parts.nth(2)) else {
            return Err(OperatorError::Answer(format!("the caller's ARN is `{identity}`")));
        };
        let (partition, account) = (partition.to_owned(), account.to_owned());
        let Deployment { stage, tier } = &deployment;
        let role = format!("arn:{partition}:iam::{account}:role/bulkhead-{stage}-{tier}-operator");
        let provider = aws_config::sts::AssumeRoleProvider::builder(role)
            .session_name(session_name(&identity))
            .configure(&own)
            .build()
            .await;
        let sdk = own
            .to_builder()
            .credentials_provider(aws_types::sdk_config::SharedCredentialsProvider::new(provider))
            .build();
        Ok(Self { sdk, deployment, identity, partition, account })
    }

    /// Returns the ARN of the identity that assumed the role.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Returns the Region of the deployment.
    pub fn region(&self) -> &str {
        self.sdk.region().map_or("", AsRef::as_ref)
    }

    /// Returns the custom endpoint of all AWS services, if configured.
    pub fn endpoint(&self) -> Option<&str> {
        self.sdk.endpoint_url()
    }

    /// Sends a request to the control plane of the tier and returns its response.
    ///
    /// # Errors
    /// [`OperatorError::Refused`] if the response is an error.
    pub async fn control(&self, request: &Value) -> Result<Value, OperatorError> {
        let Deployment { stage, tier } = &self.deployment;
        let function = format!("bulkhead-{stage}-{tier}-control");
        let answer = aws_sdk_lambda::Client::new(&self.sdk)
            .invoke()
            .function_name(&function)
            .invocation_type(InvocationType::RequestResponse)
            .payload(request.to_string().into_bytes().into())
            .send()
            .await
            .map_err(failed(format!("the invocation of `{function}`")))?;
        let text = String::from_utf8(answer.payload.map(|payload| payload.into_inner()).unwrap_or_default());
        let text = text.map_err(|error| OperatorError::Answer(error.to_string()))?;
        if answer.function_error.is_some() {
            return Err(OperatorError::Answer(text));
        }
        let mut answer: Value =
            serde_json::from_str(&text).map_err(|error| OperatorError::Answer(error.to_string()))?;
        let Some(error) = answer.get_mut("error") else { return Ok(answer) };
        let mut text_of = |field| match error.get_mut(field).map(Value::take) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        Err(OperatorError::Refused { code: text_of("code"), message: text_of("message") })
    }

    /// Opens the session of `tenant` and returns its credentials, valid for at most one hour.
    pub async fn session(
        &self,
        tenant: TenantId,
        authority: &OperatorAuthority,
    ) -> Result<SessionCredentials, OperatorError> {
        let Self { partition, account, deployment: Deployment { stage, tier }, .. } = self;
        let settings = SessionSettings {
            tenant_role_arn: format!("arn:{partition}:iam::{account}:role/bulkhead-{stage}-{tier}-tenant"),
            table: String::new(),
            bucket: String::new(),
        };
        let invocation = Invocation::begin();
        let scope = Admission::new(IsolationMode::None).operator(&invocation, tenant, authority);
        let platform = control::platform(self.sdk.clone());
        let clients = TenantClients::new(&platform, &settings, &scope);
        Ok(clients.session(&scope)?.export_credentials(authority).await?)
    }
}

/// Returns the session name for CloudTrail: the last part of the operator's ARN, reduced to
/// the characters that STS allows.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
fn session_name(identity: &str) -> String {
    let last = identity.rsplit(['/', ':']).next().unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    let name: String = last.chars().filter(fits).take(64).collect();
    if name.len() < 2 { "operator".to_owned() } else { name }
}

fn failed<E>(operation: impl Into<String>) -> impl FnOnce(E) -> OperatorError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let operation = operation.into();
    move |error| OperatorError::Call { operation, source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_name_comes_from_the_callers_arn() {
        for (identity, name) in [
            ("arn:aws:sts::000000000000:assumed-role/Admin/ada@example.com", "ada@example.com"),
            ("arn:aws:iam::000000000000:user/ada", "ada"),
            ("arn:aws:iam::000000000000:root", "root"),
            ("arn:aws:iam::000000000000:user/ä", "operator"),
        ] {
            assert_eq!(session_name(identity), name);
        }
    }
}
