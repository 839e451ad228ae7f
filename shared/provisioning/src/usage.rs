use aws_sdk_apigateway::operation::create_api_key::CreateApiKeyError;
use aws_sdk_apigateway::operation::create_usage_plan_key::CreateUsagePlanKeyError;
use bulkhead_stores::{Platform, platform::control};
use bulkhead_tenancy::TenantScope;

use crate::{ProvisioningError, failed};

/// A tier's usage plan: API Gateway's limit per tenant, applied before a function starts.
///
/// API Gateway counts approximately, over all of its servers. The tenant's ledger holds the
/// exact quota.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html>
pub struct UsagePlan {
    apigateway: aws_sdk_apigateway::Client,
    id: String,
}

impl UsagePlan {
    /// Returns a client for the usage plan `id`.
    pub fn new(platform: &Platform, id: &str) -> Self {
        Self { apigateway: aws_sdk_apigateway::Client::new(control::sdk(platform)), id: id.to_owned() }
    }

    /// Adds the tenant of `scope` to this plan. Idempotent.
    ///
    /// API Gateway rejects calls without a known key, so add a tenant before it becomes
    /// active. An account can have 10,000 keys per Region.
    pub async fn add_tenant(&self, scope: &TenantScope<'_>) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "add tenant to usage plan";
        let key = self.key(scope).await?;
        let added = self
            .apigateway
            .create_usage_plan_key()
            .usage_plan_id(&self.id)
            .key_id(key)
            .key_type("API_KEY")
            .send()
            .await;
        match added {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(CreateUsagePlanKeyError::ConflictException(_))
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(OPERATION)(Box::new(error))),
        }
    }

    /// Creates the tenant's usage key, or finds the key of an interrupted onboarding.
    async fn key(&self, scope: &TenantScope<'_>) -> Result<String, ProvisioningError> {
        const OPERATION: &str = "create usage key";
        let value = scope.tenant().usage_key();
        let created = self
            .apigateway
            .create_api_key()
            .name(value.as_str())
            .value(value.as_str())
            .enabled(true)
            .send()
            .await;
        let id =
            match created {
                Ok(key) => key.id,
                Err(error)
                    if matches!(error.as_service_error(), Some(CreateApiKeyError::ConflictException(_))) =>
                {
                    let found = self.apigateway.get_api_keys().name_query(value.as_str()).send().await;
                    let found = found.map_err(|error| failed(OPERATION)(Box::new(error)))?;
                    found.items.into_iter().flatten().find_map(|key| {
                        if key.name.as_deref() == Some(value.as_str()) { key.id } else { None }
                    })
                }
                Err(error) => return Err(failed(OPERATION)(Box::new(error))),
            };
        id.ok_or_else(|| ProvisioningError::Corrupt {
            operation: OPERATION,
            what: "the usage key has no id".to_owned(),
        })
    }
}
