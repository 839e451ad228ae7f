use crate::TenantId;

/// The API key by which API Gateway counts a tenant's calls against its usage plan.
///
/// Derived from the id without a scope, because it grants no access: only the authorizer
/// sends it to API Gateway, never a client. API Gateway requires at least 20 characters:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-setup-api-keys.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageKey(String);

impl UsageKey {
    /// Returns the key's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantId {
    /// Returns the tenant's usage key.
    pub fn usage_key(&self) -> UsageKey {
        UsageKey(format!("tenant-{self}"))
    }
}
