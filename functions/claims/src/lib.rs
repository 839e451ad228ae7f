//! Tells Cognito which tenant an access token is for: what an administrator wrote down
//! about the person, and nothing that the person said while signing in.
//!
//! The token's claims are this function's to choose, so it reads two attributes and looks
//! at nothing else. Whoever has no tenant gets no token.

use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_tenancy::TenantId;
use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The event of Cognito's pre token generation trigger, as it came: it is handed back with
/// an answer in it.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html>
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct SignIn(Map<String, Value>);

/// Why nobody is signed in. Cognito shows the text to whoever tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The trigger is not of version 2, whose answers alone reach access tokens.
    #[error("sign-in is not set up correctly")]
    OtherVersion,
    /// The person has no tenant, or what is written there is none.
    #[error("this account belongs to no tenant")]
    NoTenant,
    /// The person has no tier, or what is written there is none.
    #[error("this account belongs to no tier")]
    NoTier,
}

impl ClaimsError {
    /// Returns a short, stable code for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::OtherVersion => "trigger_of_another_version",
            Self::NoTenant => "account_without_tenant",
            Self::NoTier => "account_without_tier",
        }
    }
}

impl From<ClaimsError> for Diagnostic {
    fn from(error: ClaimsError) -> Self {
        Self { error_type: "ClaimsError".to_owned(), error_message: error.to_string() }
    }
}

/// Answers Cognito; a refusal is counted.
///
/// # Errors
/// [`ClaimsError`], upon which Cognito makes no token.
pub async fn handle(event: SignIn) -> Result<Value, ClaimsError> {
    answer(event).inspect_err(|error| {
        let counter = if *error == ClaimsError::OtherVersion { Counter::Fault } else { Counter::Refused };
        metrics::count(counter, error.code(), About::default());
        tracing::warn!(reason = error.code(), "sign-in refused");
    })
}

/// Returns the event with the two claims of the access token as its whole answer. The id
/// token gets none: it is for the app, and the API refuses it.
///
/// # Errors
/// [`ClaimsError`].
pub fn answer(event: SignIn) -> Result<Value, ClaimsError> {
    let SignIn(mut event) = event;
    // Version 1 would take the answer, and make access tokens without it.
    if event.get("version").and_then(Value::as_str) != Some("2") {
        return Err(ClaimsError::OtherVersion);
    }
    let attribute = |name| event.get("request")?.get("userAttributes")?.get(name)?.as_str();
    let tenant = attribute("custom:tenant_id").and_then(|text| TenantId::parse(text).ok());
    let tenant = tenant.ok_or(ClaimsError::NoTenant)?;
    let tier = attribute("custom:tier").filter(|text| is_tier(text)).ok_or(ClaimsError::NoTier)?;
    let claims = json!({"tenant_id": tenant.as_str(), "tier": tier});
    let response = json!({
        "claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"claimsToAddOrOverride": claims}},
    });
    event.insert("response".to_owned(), response);
    Ok(Value::Object(event))
}

/// Whether `text` can be the name of a tier: `^[a-z][a-z0-9]{1,11}$`, as the templates have it.
/// Which tiers there are, and which of them is the tenant's, the registry knows.
fn is_tier(text: &str) -> bool {
    (2..=12).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
