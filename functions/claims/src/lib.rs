//! The `claims` function: adds the tenant, the tier and the role to Cognito access tokens.
//!
//! Reads three user attributes that only an administrator can write, and nothing that the
//! user sends while signing in. A user without a tenant gets no token. For a machine client, reads the scope that an
//! administrator allowed it.

mod machine;

use bulkhead_runtime::metrics::{self, Counter, Subject};
use bulkhead_tenancy::{Role, TenantId};
use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The event of Cognito's pre token generation trigger. Returned with `response` filled in.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html>
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct SignIn(Map<String, Value>);

/// Why a sign-in was rejected. Cognito shows the message to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The trigger event is neither version 2 nor 3. Version 1 cannot change access tokens.
    #[error("sign-in is misconfigured: the token trigger must have version V3_0")]
    UnsupportedVersion,
    /// The user's tenant attribute is missing or malformed.
    #[error("this account has no tenant; ask an administrator to assign one")]
    NoTenant,
    /// The user's tier attribute is missing or malformed.
    #[error("this account has no tier; ask an administrator to assign one")]
    NoTier,
    /// The user's role attribute has another value than `reader`, `writer` or `admin`.
    #[error("this account has an unknown role; ask an administrator to assign `reader`, `writer` or `admin`")]
    UnknownRole,
    /// A machine client has no scope of this API, or more than one.
    #[error("ask for exactly one scope `bulkhead/<tier>.<tenant>.<role>`")]
    NotOneScope,
    /// The scope of a machine client names no tier, tenant and role.
    #[error("the scope must be `bulkhead/<tier>.<tenant>.<role>`; ask an administrator to correct it")]
    MalformedScope,
}

/// What an administrator gave a user or a machine client.
struct Granted {
    tenant: TenantId,
    tier: String,
    role: Option<Role>,
}

impl ClaimsError {
    /// Returns a short, stable code for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "trigger_of_another_version",
            Self::NoTenant => "account_without_tenant",
            Self::NoTier => "account_without_tier",
            Self::UnknownRole => "account_with_unknown_role",
            Self::NotOneScope => "machine_without_one_scope",
            Self::MalformedScope => "machine_with_malformed_scope",
        }
    }
}

impl From<ClaimsError> for Diagnostic {
    fn from(error: ClaimsError) -> Self {
        Self { error_type: "ClaimsError".to_owned(), error_message: error.to_string() }
    }
}

/// Handles the trigger and counts rejections. If this fails, Cognito issues no token.
pub async fn handle(event: SignIn) -> Result<Value, ClaimsError> {
    answer(event).inspect_err(|error| {
        let counter =
            if *error == ClaimsError::UnsupportedVersion { Counter::Fault } else { Counter::Refused };
        metrics::count(counter, error.code(), Subject::default());
        tracing::warn!(reason = error.code(), "sign-in refused");
    })
}

/// Returns the event with a `response` that adds the claims to the access token.
///
/// The id token gets no claims, because the API rejects id tokens.
pub fn answer(event: SignIn) -> Result<Value, ClaimsError> {
    let SignIn(mut event) = event;
    // Version 1 accepts this response but leaves the access token unchanged.
    let granted = match event.get("version").and_then(Value::as_str) {
        Some("2" | "3") if !machine::is_machine(&event) => granted(&event)?,
        Some("3") => machine::granted(&event)?,
        _ => return Err(ClaimsError::UnsupportedVersion),
    };
    let mut claims = json!({"tenant_id": granted.tenant.as_str(), "tier": granted.tier});
    if let (Some(role), Some(claims)) = (granted.role, claims.as_object_mut()) {
        claims.insert("role".to_owned(), role.as_str().into());
    }
    let response = json!({
        "claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"claimsToAddOrOverride": claims}},
    });
    event.insert("response".to_owned(), response);
    Ok(Value::Object(event))
}

/// Returns what an administrator wrote into the attributes of a user.
fn granted(event: &Map<String, Value>) -> Result<Granted, ClaimsError> {
    let attribute = |name| event.get("request")?.get("userAttributes")?.get(name)?.as_str();
    let tenant = attribute("custom:tenant_id").and_then(|text| TenantId::parse(text).ok());
    let tenant = tenant.ok_or(ClaimsError::NoTenant)?;
    let tier = attribute("custom:tier").filter(|text| is_tier(text)).ok_or(ClaimsError::NoTier)?;
    // A user without a role gets a token without one. The authorizer decides what that means.
    let role = match attribute("custom:role").filter(|text| !text.is_empty()) {
        Some(text) => Some(Role::parse(text).ok_or(ClaimsError::UnknownRole)?),
        None => None,
    };
    Ok(Granted { tenant, tier: tier.to_owned(), role })
}

/// Returns whether `text` is a possible tier name: `^[a-z][a-z0-9]{1,11}$`, as in the
/// CloudFormation templates. The registry knows the existing tiers and the tenant's tier.
fn is_tier(text: &str) -> bool {
    (2..=12).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
