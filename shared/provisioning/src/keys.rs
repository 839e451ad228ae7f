use aws_sdk_kms::operation::create_alias::CreateAliasError;
use aws_sdk_kms::types::Tag;
use bulkhead_stores::{Platform, platform::control};
use bulkhead_tenancy::names::EncryptionContext;
use bulkhead_tenancy::{TenantId, TenantScope};
use serde_json::{Value, json};

use crate::{ProvisioningError, failed};

/// The principals and the deployment in a key policy.
#[derive(Debug, Clone)]
pub struct KeyUsers {
    /// The AWS account id.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The AWS partition, such as `aws`.
    pub partition: String,
    /// The stage of the deployment.
    pub stage: String,
    /// The tier.
    pub tier: String,
    /// The role that tenants' sessions assume.
    pub tenant_role_arn: String,
    /// The control plane's own role, which creates keys and indexes.
    pub control_role_arn: String,
}

/// KMS keys, each of a single tenant.
pub struct Keys {
    kms: aws_sdk_kms::Client,
    users: KeyUsers,
}

impl Keys {
    /// Returns a client for the keys of `platform`.
    pub fn new(platform: &Platform, users: KeyUsers) -> Self {
        Self { kms: aws_sdk_kms::Client::new(control::sdk(platform)), users }
    }

    /// Creates a key for the tenant of `scope` and returns its ARN.
    ///
    /// Bypasses the lockout safety check of KMS, which demands that the caller can change the
    /// key policy later. The control plane must not be able to: the key policy is what keeps
    /// the key to its tenant. The account's administrators can change the policy.
    ///
    /// Not idempotent: record the ARN at once with
    /// [`Registry::record_key`](crate::Registry::record_key).
    pub async fn create(&self, scope: &TenantScope<'_>) -> Result<String, ProvisioningError> {
        const OPERATION: &str = "create key";
        let tenant = scope.tenant();
        let created = self
            .kms
            .create_key()
            .description(format!("Bulkhead {} {}: tenant {tenant}", self.users.stage, self.users.tier))
            .policy(key_policy(tenant, &self.users).to_string())
            .bypass_policy_lockout_safety_check(true)
            .send()
            .await
            .map_err(|error| failed(OPERATION)(Box::new(error)))?;
        let arn = created.key_metadata.and_then(|metadata| metadata.arn);
        arn.ok_or_else(|| ProvisioningError::Corrupt {
            operation: OPERATION,
            what: "the KMS response has no key ARN".to_owned(),
        })
    }

    /// Tags the tenant's key, creates its alias and enables yearly rotation. Idempotent.
    ///
    /// The key's own policy permits this, so the control plane can change no other key.
    pub async fn configure(&self, scope: &TenantScope<'_>, key_arn: &str) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "configure key";
        let mut tagging = self.kms.tag_resource().key_id(key_arn);
        for (key, value) in [
            ("bulkhead:stage", self.users.stage.as_str()),
            ("bulkhead:tier", self.users.tier.as_str()),
            ("bulkhead:tenant", scope.tenant().as_str()),
        ] {
            let tag = Tag::builder().tag_key(key).tag_value(value).build();
            tagging = tagging.tags(tag.map_err(|error| failed(OPERATION)(Box::new(error)))?);
        }
        tagging.send().await.map_err(|error| failed(OPERATION)(Box::new(error)))?;
        self.kms
            .enable_key_rotation()
            .key_id(key_arn)
            .send()
            .await
            .map_err(|error| failed(OPERATION)(Box::new(error)))?;
        let alias = scope.key_alias(&self.users.stage);
        let named = self.kms.create_alias().alias_name(alias.as_str()).target_key_id(key_arn).send().await;
        match named {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.as_service_error(), Some(CreateAliasError::AlreadyExistsException(_))) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(OPERATION)(Box::new(error))),
        }
    }
}

/// Returns the policy of a tenant's own key.
///
/// The policy names the tenant, so a role policy cannot give the key to another tenant.
/// S3 Vectors uses the key with its own encryption context: on behalf of the caller, and as
/// a service for indexing:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-data-encryption.html>
fn key_policy(tenant: &TenantId, users: &KeyUsers) -> Value {
    let KeyUsers { account, region, partition, tenant_role_arn, control_role_arn, .. } = users;
    let root = format!("arn:{partition}:iam::{account}:root");
    let vectors = format!("s3vectors.{region}.amazonaws.com");
    let context = format!("kms:EncryptionContext:{}", EncryptionContext::TENANT);
    let uses = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Account",
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Onboarding",
                "Effect": "Allow",
                "Principal": {"AWS": control_role_arn},
                "Action": ["kms:CreateAlias", "kms:EnableKeyRotation", "kms:TagResource"],
                "Resource": "*",
            },
            {
                "Sid": "OwnSession",
                "Effect": "Allow",
                "Principal": {"AWS": tenant_role_arn},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/TenantId": tenant}},
            },
            {
                "Sid": "MakeIndex",
                "Effect": "Allow",
                "Principal": {"AWS": control_role_arn},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:ViaService": vectors}},
            },
            {
                "Sid": "KeepIndex",
                "Effect": "Allow",
                "Principal": {"Service": "indexing.s3vectors.amazonaws.com"},
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            },
            {
                "Sid": "NoOtherTenant",
                "Effect": "Deny",
                "Principal": "*",
                "Action": uses,
                "Resource": "*",
                "Condition": {
                    "StringNotEquals": {"aws:PrincipalTag/TenantId": tenant},
                    "ArnNotEquals": {"aws:PrincipalArn": control_role_arn},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            },
            {
                "Sid": "NoOtherContext",
                "Effect": "Deny",
                "Principal": "*",
                "Action": uses,
                "Resource": "*",
                "Condition": {
                    "StringNotEquals": {context: tenant},
                    "StringNotEqualsIfExists": {"kms:ViaService": vectors},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            },
        ],
    })
}
