use std::fmt;

use crate::TenantId;

/// By which API Gateway counts a tenant's calls against its tier's usage plan.
///
/// Derived from the id alone, since it opens nothing: clients cannot send it, only the
/// authorizer names it. At least 20 characters, as API Gateway wants of a key's value:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-setup-api-keys.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageKey(String);

impl UsageKey {
    /// Returns the key's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UsageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TenantId {
    /// Returns the tenant's usage key.
    pub fn usage_key(&self) -> UsageKey {
        UsageKey(format!("tenant-{self}"))
    }
}
