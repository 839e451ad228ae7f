use std::fmt;

use ring::digest::{Context, SHA256};

use crate::TenantScope;

/// What a model sees of a tenant: a name that no one can trace back to the tenant's id.
///
/// It keeps the prompts of two tenants apart in a provider's cache, and lets a provider limit one misused tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// Returns the name: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TenantScope<'_> {
    /// Returns the tenant's pseudonym: half of a SHA-256 of its id.
    pub fn pseudonym(&self) -> Pseudonym {
        let mut hash = Context::new(&SHA256);
        for part in ["pseudonym", self.tenant().as_str()] {
            hash.update(part.as_bytes());
            hash.update(b"#");
        }
        Pseudonym(hash.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}
