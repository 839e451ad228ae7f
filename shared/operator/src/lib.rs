#![doc = include_str!("../README.md")]

use aws_config::{BehaviorVersion, Region};
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use bulkhead_stores::platform::control;
use bulkhead_stores::{SessionCredentials, SessionSettings, StoreError, TenantClients};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, OperatorAuthority, TenantId};
use serde_json::Value;

/// Why an operator does not get in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// No credentials, or no Region.
    #[error("no AWS {0} found: sign in first (`aws sso login`, AWS_PROFILE, …), or name one with --region")]
    NotSignedIn(&'static str),
    /// A call to AWS failed.
    #[error("{operation} failed")]
    Call {
        /// What was tried.
        operation: String,
        /// What AWS said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The control plane answered with a refusal.
    #[error("the control plane refused: {message}")]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        message: String,
    },
    /// The control plane answered with something else.
    #[error("the control plane gave an answer that is not understood: {0}")]
    Answer(String),
    /// The tenant's session was not opened.
    #[error("the tenant's session was not opened")]
    Session(#[from] StoreError),
}

/// Which tier of which deployment is operated. Its roles and functions have names that
/// follow from these two.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The stage, as it was deployed.
    pub stage: String,
    /// The tier.
    pub tier: String,
}

/// Somebody who has taken the operator role.
pub struct Operator {
    sdk: SdkConfig,
    deployment: Deployment,
    identity: String,
    partition: String,
    account: String,
}

impl Operator {
    /// Takes the operator role of `deployment` with whatever credentials the environment
    /// offers: variables, profiles, single sign-on, an instance's role.
    ///
    /// # Errors
    /// [`OperatorError::NotSignedIn`] or [`OperatorError::Call`].
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
            .map_err(failed("asking AWS who you are"))?;
        let identity = caller.arn.unwrap_or_default();
        let mut parts = identity.split(':');
        let (Some(partition), Some(account)) = (parts.nth(1), parts.nth(2)) else {
            return Err(OperatorError::Answer(format!("an identity like {identity:?}")));
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

    /// Returns the ARN of whoever took the role.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Returns the Region in which the deployment lies.
    pub fn region(&self) -> &str {
        self.sdk.region().map_or("", AsRef::as_ref)
    }

    /// Returns the one address of all AWS services, where there is one.
    pub fn endpoint(&self) -> Option<&str> {
        self.sdk.endpoint_url()
    }

    /// Asks the control plane of the tier.
    ///
    /// # Errors
    /// [`OperatorError::Refused`] where it says no.
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
            .map_err(failed(format!("calling {function}")))?;
        let text = String::from_utf8(answer.payload.map(|payload| payload.into_inner()).unwrap_or_default());
        let text = text.map_err(|error| OperatorError::Answer(error.to_string()))?;
        if answer.function_error.is_some() {
            return Err(OperatorError::Answer(text));
        }
        let mut answer: Value =
            serde_json::from_str(&text).map_err(|error| OperatorError::Answer(error.to_string()))?;
        let Some(refusal) = answer.get_mut("error") else { return Ok(answer) };
        let mut word = |field| match refusal.get_mut(field).map(Value::take) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        Err(OperatorError::Refused { code: word("code"), message: word("message") })
    }

    /// Opens the session of `tenant` and returns its credentials, good for up to an hour.
    ///
    /// # Errors
    /// [`OperatorError::Session`].
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

/// Who took the role, as CloudTrail is to show it: the last part of the own ARN, within
/// the alphabet of session names.
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
    fn a_session_is_named_after_whoever_opens_it() {
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
