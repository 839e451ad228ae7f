use crate::TenantScope;

/// The session tag that narrows the tenant role to one tenant.
///
/// The role's policy reads it as `${aws:PrincipalTag/TenantId}`. The trust policy
/// requires exactly this tag and a session name equal to its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTag(String);

impl SessionTag {
    /// The tag's key.
    pub const KEY: &'static str = "TenantId";

    /// Returns the tag's value.
    pub fn value(&self) -> &str {
        &self.0
    }

    /// Returns the session name, which appears in CloudTrail.
    pub fn session_name(&self) -> &str {
        &self.0
    }
}

impl TenantScope<'_> {
    /// Returns the session tag of the tenant.
    pub fn session_tag(&self) -> SessionTag {
        SessionTag(self.tenant().to_string())
    }
}
