use crate::TenantScope;

/// The session tag that turns the tenant role into one tenant's credentials.
///
/// The role's policy reads it as `${aws:PrincipalTag/TenantId}`; the trust policy wants
/// exactly this tag and a session name equal to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTag(String);

impl SessionTag {
    /// The tag's key.
    pub const KEY: &'static str = "TenantId";

    /// Returns the tag's value.
    pub fn value(&self) -> &str {
        &self.0
    }

    /// Returns the name of the session, which appears in CloudTrail.
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
