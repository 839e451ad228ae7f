//! Machine clients: the tenant, the tier and the role of a client's scope.

use bulkhead_tenancy::{Role, TenantId};
use bulkhead_tokens::MACHINE_SCOPES;
use serde_json::{Map, Value};

use crate::{ClaimsError, Granted, is_tier};

/// The trigger's source for a token of a client without a user.
const SOURCE: &str = "TokenGeneration_ClientCredentials";

/// Returns whether the event is for a client without a user.
pub(crate) fn is_machine(event: &Map<String, Value>) -> bool {
    event.get("triggerSource").and_then(Value::as_str) == Some(SOURCE)
}

/// Returns what the scope of a machine client grants: `bulkhead/<tier>.<tenant>.<role>`.
///
/// Cognito grants only scopes that an administrator allowed the client. A client with scopes of several tenants must
/// ask for one of them, so that a token has one tenant.
pub(crate) fn granted(event: &Map<String, Value>) -> Result<Granted, ClaimsError> {
    let scope = the_scope(event).ok_or(ClaimsError::NotOneScope)?;
    let mut parts = scope.split('.');
    let (tier, tenant, role) = (parts.next(), parts.next(), parts.next());
    let tier = tier.filter(|tier| is_tier(tier)).ok_or(ClaimsError::MalformedScope)?;
    let tenant = tenant.and_then(|tenant| TenantId::parse(tenant).ok()).ok_or(ClaimsError::MalformedScope)?;
    let role = role.and_then(Role::parse).ok_or(ClaimsError::MalformedScope)?;
    match parts.next() {
        Some(_) => Err(ClaimsError::MalformedScope),
        None => Ok(Granted { tenant, tier: tier.to_owned(), role: Some(role) }),
    }
}

/// Returns the name of the one scope of this API, or `None` if there is none or more than one.
fn the_scope(event: &Map<String, Value>) -> Option<&str> {
    let scopes = event.get("request")?.get("scopes")?.as_array()?;
    let mut ours = scopes.iter().filter_map(|scope| scope.as_str()?.strip_prefix(MACHINE_SCOPES));
    match (ours.next(), ours.next()) {
        (Some(scope), None) => Some(scope),
        _ => None,
    }
}
