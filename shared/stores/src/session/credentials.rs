use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, future};
use aws_sdk_sts::types::Tag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use bulkhead_tenancy::names::SessionTag;

use crate::error::DeniedBySts;

/// Longest session of a role that another role assumes, seconds. A longer one is refused:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
const SESSION_SECONDS: i32 = 3_600;

/// Credentials of the tenant role, tagged with one tenant.
///
/// The role's policy grants what `${aws:PrincipalTag/TenantId}` names. Its trust policy requires exactly
/// this tag and a session name equal to it.
#[derive(Debug)]
pub(super) struct TenantCredentials {
    sts: aws_sdk_sts::Client,
    role_arn: String,
    tag: SessionTag,
}

impl TenantCredentials {
    pub(super) fn new(own: &SdkConfig, role_arn: &str, tag: &SessionTag) -> Self {
        Self { sts: aws_sdk_sts::Client::new(own), role_arn: role_arn.to_owned(), tag: tag.clone() }
    }

    async fn assume(&self) -> Result {
        let tag = Tag::builder().key(SessionTag::KEY).value(self.tag.value()).build();
        let assumed = self
            .sts
            .assume_role()
            .role_arn(&self.role_arn)
            .role_session_name(self.tag.session_name())
            .duration_seconds(SESSION_SECONDS)
            .tags(tag.map_err(CredentialsError::invalid_configuration)?)
            .send()
            .await
            .map_err(|error| match error.code() {
                Some("AccessDenied") => CredentialsError::provider_error(DeniedBySts::because(error)),
                _ => CredentialsError::provider_error(error),
            })?;
        let credentials = assumed
            .credentials
            .ok_or_else(|| CredentialsError::unhandled("AssumeRole answered without credentials"))?;
        let expiry = SystemTime::try_from(credentials.expiration)
            .unwrap_or_else(|_| SystemTime::now() + Duration::from_secs(900));
        Ok(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            Some(expiry),
            "tenant session",
        ))
    }
}

impl ProvideCredentials for TenantCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}
