use ring::digest::{Context, SHA256};

use super::{ExternalId, ExternalIdHash};
use crate::TenantScope;

impl TenantScope<'_> {
    /// Returns the hash of a document's external id. Two tenants' hashes of one id differ, so that nothing stored shows
    /// that both use it.
    pub fn external_id_hash(&self, external: &ExternalId) -> ExternalIdHash {
        ExternalIdHash::of_digest(self.digest("external id", external.as_str()))
    }

    /// Returns the SHA-256 of a kind of name, the tenant and a text that the tenant chose, in hexadecimal.
    pub(super) fn digest(&self, kind: &str, text: &str) -> String {
        let mut hash = Context::new(&SHA256);
        // A kind and a tenant id have no separator, so no two triples are equal.
        for part in [kind, self.tenant().as_str(), text] {
            hash.update(part.as_bytes());
            hash.update(b"#");
        }
        hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
