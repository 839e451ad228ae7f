//! From the role claim of a token to the caller's role.

use bulkhead_tenancy::Role;
use serde_json::Value;

/// Whether this deployment uses roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RolePolicy {
    /// No claim is configured: every token of a tenant has all rights of the tenant.
    Unused,
    /// The claim decides. A token without a known role has no role, so every route refuses it: a role that no
    /// administrator assigned must not read a tenant's documents.
    FromClaim,
}

impl RolePolicy {
    /// Returns the role of a token with the role claim `claim`.
    pub(crate) fn role(self, claim: Option<&Value>) -> Option<Role> {
        match self {
            Self::Unused => Some(Role::Admin),
            Self::FromClaim => claim.and_then(role_in),
        }
    }
}

/// Returns the role that a claim names: a text, or the highest known role of a list of texts.
///
/// Other entries of a list are ignored, because issuers put all groups of a user into one list.
fn role_in(claim: &Value) -> Option<Role> {
    match claim {
        Value::String(text) => Role::parse(text),
        Value::Array(entries) => {
            entries.iter().filter_map(|entry| entry.as_str().and_then(Role::parse)).max()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_a_claim_name_every_token_has_all_rights() {
        for claim in [None, Some(json!("reader")), Some(json!(7))] {
            assert_eq!(RolePolicy::Unused.role(claim.as_ref()), Some(Role::Admin));
        }
    }

    #[test]
    fn a_claim_without_a_known_role_gives_none() {
        for claim in [
            json!(null),
            json!(""),
            json!("Admin"),
            json!("admin "),
            json!("reader admin"),
            json!("owner"),
            json!(7),
            json!(true),
            json!({"admin": true}),
            json!([]),
            json!(["owner", 7, null, ["admin"], {"role": "admin"}]),
        ] {
            assert_eq!(RolePolicy::FromClaim.role(Some(&claim)), None, "{claim}");
        }
        assert_eq!(RolePolicy::FromClaim.role(None), None);
    }

    #[test]
    fn a_claim_is_a_role_or_a_list_with_roles() {
        for (claim, role) in [
            (json!("reader"), Role::Reader),
            (json!("writer"), Role::Writer),
            (json!("admin"), Role::Admin),
            (json!(["reader"]), Role::Reader),
            (json!(["offline_access", "writer", "reader", 7]), Role::Writer),
        ] {
            assert_eq!(RolePolicy::FromClaim.role(Some(&claim)), Some(role), "{claim}");
        }
    }
}
