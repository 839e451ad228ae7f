#![doc = include_str!("../README.md")]

use aws_config::{BehaviorVersion, Region};
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use bulkhead_tenancy::TenantId;
use serde::Deserialize;
use serde_json::{Value, json};

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
}

/// A recorded run: what a command needs to work in the tenant's session.
#[derive(Debug, Deserialize)]
pub struct Run {
    /// The run's id.
    pub run: String,
    /// The names of the tenant's resources.
    pub names: Value,
    /// The tenant's session, valid for at most one hour.
    pub credentials: SessionCredentials,
}

/// The credentials of a tenant's session.
#[derive(Clone, Deserialize)]
pub struct SessionCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token.
    pub session_token: String,
}

impl std::fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
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
        Ok(Self { sdk, deployment, identity })
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

    /// Records a command and returns the session of `tenant` for it.
    ///
    /// The control plane gives the session only together with the record: the operator role
    /// cannot assume the tenant role.
    pub async fn begin_run(
        &self,
        tenant: &TenantId,
        command: &[String],
        sandboxed: bool,
    ) -> Result<Run, OperatorError> {
        let answer = self
            .control(&json!({
                "action": "begin_run",
                "tenant": tenant,
                "operator": self.identity,
                "command": command,
                "sandboxed": sandboxed,
            }))
            .await?;
        // The error must not quote the answer, which contains credentials.
        Run::deserialize(answer)
            .map_err(|_| OperatorError::Answer("the control plane's answer has no session".to_owned()))
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
    fn debug_output_hides_credentials() {
        let answer = json!({"run": "r", "names": {}, "credentials": {
            "access_key_id": "ASIA", "secret_access_key": "secret", "session_token": "secret",
        }});
        let run = Run::deserialize(answer).expect("a run");
        assert!(!format!("{run:?}").contains("secret"));
    }

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
