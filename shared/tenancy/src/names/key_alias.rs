use crate::TenantScope;

/// The alias of a silo tenant's own KMS key: `alias/bulkhead/<stage>/t/<id>`.
///
/// For people and for IAM's `kms:ResourceAliases`. Data-plane calls use the key ARN from
/// the tenant's profile, because some services resolve an alias once or reject it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAlias(String);

impl KeyAlias {
    /// Returns the alias as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantScope<'_> {
    /// Returns the alias of the tenant's own key in the deployment `stage`.
    pub fn key_alias(&self, stage: &str) -> KeyAlias {
        KeyAlias(format!("alias/bulkhead/{stage}/t/{}", self.tenant()))
    }
}
