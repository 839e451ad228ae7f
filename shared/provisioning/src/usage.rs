use aws_sdk_apigateway::operation::create_api_key::CreateApiKeyError;
use aws_sdk_apigateway::operation::create_usage_plan_key::CreateUsagePlanKeyError;
use bulkhead_stores::{Platform, platform::control};
use bulkhead_tenancy::TenantScope;

use crate::{ProvisioningError, failed};

/// A tier's usage plan: API Gateway's own limit for each tenant, before any function is
/// started. Counted as well as it goes, over all of its servers; the exact cap is the
/// tenant's ledger.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html>
pub struct UsagePlan {
    apigateway: aws_sdk_apigateway::Client,
    id: String,
}

impl UsagePlan {
    /// Returns the plan `id` that `platform` reaches.
    pub fn new(platform: &Platform, id: &str) -> Self {
        Self { apigateway: aws_sdk_apigateway::Client::new(control::sdk(platform)), id: id.to_owned() }
    }

    /// Counts the tenant of `scope` by this plan. API Gateway lets nobody in whom it
    /// cannot count, so this comes before a tenant is served. Can be repeated.
    ///
    /// # Errors
    /// [`ProvisioningError`]. An account has 10,000 keys in a Region.
    pub async fn admit(&self, scope: &TenantScope<'_>) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "count by usage plan";
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

    /// Makes the tenant's key, or finds the one that an interrupted onboarding made.
    async fn key(&self, scope: &TenantScope<'_>) -> Result<String, ProvisioningError> {
        const OPERATION: &str = "create usage key";
        let value = scope.tenant().usage_key();
        let made = self
            .apigateway
            .create_api_key()
            .name(value.as_str())
            .value(value.as_str())
            .enabled(true)
            .send()
            .await;
        let id =
            match made {
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
            what: "a key without id".to_owned(),
        })
    }
}
