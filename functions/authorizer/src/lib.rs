//! The `authorizer` function: verifies a token or an API key and returns its tenant to API Gateway.
//!
//! The tenant comes only from the verified token or key, so API Gateway can cache the response per
//! token for every method and path.

mod api_keys;
mod jwks;
mod policy;
mod roles;

use bulkhead_provisioning::{Registry, TenantStatus};
use bulkhead_runtime::chain;
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::metrics::{self, Counter, Subject};
use bulkhead_stores::Platform;
use bulkhead_tenancy::TenantId;
use bulkhead_tokens::{Audience, Claims, Rules, TokenError};
use lambda_runtime::Diagnostic;
use serde::Deserialize;

use api_keys::{ApiKeys, VerifiedKey, subject_of_token};
use jwks::{Jwks, KeysUnavailable};
pub use policy::AuthorizerAnswer;
use policy::Caller;
use roles::RolePolicy;

/// The request of API Gateway.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    method_arn: String,
    /// The `Authorization` header. API Gateway has checked its form.
    #[serde(default)]
    authorization_token: String,
}

/// Why no policy was returned. API Gateway answers 401 for the message `Unauthorized` and
/// 500 for any other message.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// The token is not valid.
    #[error("Unauthorized")]
    Unauthorized,
    /// The issuer's keys or the registry could not be read.
    #[error("unavailable")]
    Unavailable,
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        Self { error_type: "AuthorizerError".to_owned(), error_message: error.to_string() }
    }
}

/// Why a valid token is denied access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denial {
    NoTenant,
    MalformedTenant,
    OtherTier,
    OtherTenant,
    UnknownTenant,
    NotActive,
}

impl Denial {
    fn code(self) -> &'static str {
        match self {
            Self::NoTenant => "token_without_tenant",
            Self::MalformedTenant => "token_with_malformed_tenant",
            Self::OtherTier => "token_of_another_tier",
            Self::OtherTenant => "tenant_of_another_silo",
            Self::UnknownTenant => "tenant_unknown",
            Self::NotActive => "tenant_not_active",
        }
    }
}

/// The authorizer of one tier.
pub struct Authorizer {
    rules: Rules,
    roles: RolePolicy,
    keys: Jwks,
    api_keys: ApiKeys,
    registry: Registry,
    tier: String,
    /// The only tenant of a silo; `None` in a pooled tier.
    only: Option<TenantId>,
}

impl Authorizer {
    /// Returns the authorizer configured by the environment variables.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let keys = Jwks::new(&config::required("JWKS_URL")?)
            .ok_or(ConfigError::Invalid { name: "JWKS_URL", expected: "an https URL" })?;
        let claim = config::required("AUDIENCE_CLAIM").unwrap_or_else(|_| "aud".to_owned());
        let audience = Audience::of(&claim, &config::required("AUDIENCE")?)
            .ok_or(ConfigError::Invalid { name: "AUDIENCE_CLAIM", expected: "aud or client_id" })?;
        let claim = |name, default: &str| config::required(name).unwrap_or_else(|_| default.to_owned());
        let (tenant, tier) = (claim("TENANT_CLAIM", "tenant_id"), claim("TIER_CLAIM", "tier"));
        let rules = Rules::new(&config::required("ISSUER")?, audience).with_claims(&tenant, &tier);
        let (rules, roles) = match config::optional("ROLE_CLAIM") {
            Some(claim) => (rules.with_role_claim(&claim), RolePolicy::FromClaim),
            None => (rules, RolePolicy::Unused),
        };
        Ok(Self {
            rules,
            roles,
            keys,
            api_keys: ApiKeys::from_env(platform)?,
            registry: Registry::new(platform, &config::required("REGISTRY_TABLE")?),
            tier: config::required("TIER")?,
            only: config::only_tenant()?,
        })
    }

    /// Handles a request of API Gateway.
    pub async fn handle(&self, request: AuthorizerRequest) -> Result<AuthorizerAnswer, AuthorizerError> {
        let bearer = bearer(&request.authorization_token);
        let admitted = match bearer.starts_with(bulkhead_stores::API_KEY_PREFIX) {
            true => self.admit_key(bearer).await?,
            false => self.admit_token(bearer).await?,
        };
        match admitted {
            Ok((tenant, caller)) => {
                Ok(AuthorizerAnswer::allow(&request.method_arn, &tenant, &self.tier, caller))
            }
            Err(denial) => {
                metrics::count(Counter::Refused, denial.code(), Subject::default());
                tracing::warn!(reason = denial.code(), "tenant refused");
                Ok(AuthorizerAnswer::deny(&request.method_arn))
            }
        }
    }

    /// Returns the tenant of a valid token, if it is served here, and the caller.
    async fn admit_token(&self, token: &str) -> Result<Result<(TenantId, Caller), Denial>, AuthorizerError> {
        let claims = match self.verify(token).await {
            Ok(Ok(claims)) => claims,
            Err(KeysUnavailable) => return Err(AuthorizerError::Unavailable),
            Ok(Err(error)) => return Err(unauthorized(error.code())),
        };
        let tenant = match self.tenant_of(&claims) {
            Ok(tenant) => tenant,
            Err(denial) => return Ok(Err(denial)),
        };
        let role = self.roles.role(claims.role.as_ref());
        let caller = Caller { role, subject: subject_of_token(claims.subject) };
        Ok(self.served(&tenant).await?.map(|()| (tenant, caller)))
    }

    /// Returns the tenant of a valid API key, if it is served here, and the caller.
    async fn admit_key(&self, text: &str) -> Result<Result<(TenantId, Caller), Denial>, AuthorizerError> {
        let key = self.api_keys.read(text).map_err(unauthorized)?;
        // The role of a silo can read no key of another tenant.
        if self.is_foreign(key.tenant()) {
            return Ok(Err(Denial::OtherTenant));
        }
        let VerifiedKey { tenant, role, subject } = match self.api_keys.verify(key).await {
            Ok(Ok(verified)) => verified,
            Ok(Err(refusal)) => return Err(unauthorized(refusal.code())),
            Err(error) => return Err(unavailable("api_keys", &error)),
        };
        let caller = Caller { role: Some(role), subject: Some(subject) };
        Ok(self.served(&tenant).await?.map(|()| (tenant, caller)))
    }

    async fn verify(&self, token: &str) -> Result<Result<Claims, TokenError>, KeysUnavailable> {
        match self.rules.key_id(token) {
            Ok(kid) => Ok(self.rules.verify(token, &*self.keys.keys_for(kid.as_deref()).await?)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Returns the tenant of a token of this tier.
    fn tenant_of(&self, claims: &Claims) -> Result<TenantId, Denial> {
        // A claim of another JSON type is malformed as well.
        let claim = claims.tenant_id.as_ref().ok_or(Denial::NoTenant)?;
        let tenant = claim.as_str().and_then(|text| TenantId::parse(text).ok());
        let tenant = tenant.ok_or(Denial::MalformedTenant)?;
        // A claim of another JSON type, for example a list, names no tier.
        if claims.tier.as_ref().and_then(|tier| tier.as_str()) != Some(self.tier.as_str()) {
            return Err(Denial::OtherTier);
        }
        if self.is_foreign(&tenant) { Err(Denial::OtherTenant) } else { Ok(tenant) }
    }

    /// Returns whether this is the silo of another tenant.
    fn is_foreign(&self, tenant: &TenantId) -> bool {
        self.only.as_ref().is_some_and(|only| only != tenant)
    }

    /// Checks that the registry knows the tenant as active and in this tier.
    async fn served(&self, tenant: &TenantId) -> Result<Result<(), Denial>, AuthorizerError> {
        let found = self.registry.get(tenant).await.map_err(|error| unavailable("registry", &error))?;
        Ok(match found {
            None => Err(Denial::UnknownTenant),
            Some(record) if record.tier != self.tier => Err(Denial::OtherTier),
            Some(record) if record.status != TenantStatus::Active => Err(Denial::NotActive),
            Some(_) => Ok(()),
        })
    }
}

/// Counts and logs a token or key that proves nothing. Never logs the token or the key.
fn unauthorized(reason: &str) -> AuthorizerError {
    metrics::count(Counter::Refused, reason, Subject::default());
    tracing::warn!(reason, "token refused");
    AuthorizerError::Unauthorized
}

/// Counts and logs the failure to read a table.
fn unavailable(table: &'static str, error: &dyn std::error::Error) -> AuthorizerError {
    metrics::count(Counter::Fault, table, Subject::default());
    tracing::error!(table, error = chain(error), "table read failed");
    AuthorizerError::Unavailable
}

/// Returns the bearer token of an `Authorization` header, or an empty text.
fn bearer(header: &str) -> &str {
    match header.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    }
}
