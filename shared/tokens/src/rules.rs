use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::KeySet;

/// Tolerated clock skew in seconds, for `exp`, `nbf` and `iat`.
const LEEWAY: u64 = 30;
/// Maximum token length in bytes. API Gateway's limit for all headers is 10,240.
const MAX_TOKEN: usize = 10_240;
/// Maximum length of a subject in characters. <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>
const MAX_SUBJECT: usize = 255;

/// The beginning of every scope of machine clients: the resource server `bulkhead` of a Cognito user pool.
pub const MACHINE_SCOPES: &str = "bulkhead/";

/// The claims of a verified token. The caller checks the tenant.
#[derive(Debug)]
pub struct Claims {
    /// The tenant claim: any JSON value.
    pub tenant_id: Option<Value>,
    /// The tier claim: any JSON value.
    pub tier: Option<Value>,
    /// The role claim: any JSON value. `None` without a claim name.
    pub role: Option<Value>,
    /// The claim `sub`, if it has 1 to 255 characters and no control characters.
    pub subject: Option<String>,
}

/// The audience that a token must name, and the claim that holds it.
///
/// Exactly one claim is checked. Accepting either would let another party fill the claim
/// that the issuer leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// The claim `aud`, used by most issuers.
    Aud(String),
    /// The claim `client_id`, with `token_use` = `access`: Cognito access tokens, which have
    /// no `aud`. Cognito id tokens have an `aud` and no `client_id`.
    ///
    /// A machine client has its own `client_id`. Its token is for this API if it has a scope of [`MACHINE_SCOPES`]:
    /// Cognito gives a client only the scopes that an administrator allowed it.
    ClientId(String),
}

impl Audience {
    /// Returns the audience `name` in the claim `aud` or `client_id`, or `None` for any other
    /// claim.
    pub fn of(claim: &str, name: &str) -> Option<Self> {
        match claim {
            "aud" => Some(Self::Aud(name.to_owned())),
            "client_id" => Some(Self::ClientId(name.to_owned())),
            _ => None,
        }
    }
}

/// Why a token was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The text is not a JWT.
    #[error("the text is not a token")]
    Malformed,
    /// The algorithm is not accepted, or is not one of the key's algorithms.
    #[error("the token's algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The token names no key, or a key that the issuer does not have.
    #[error("the token's key is not one of the issuer's keys")]
    UnknownKey,
    /// The header requires an extension that this crate does not know (`crit`).
    #[error("the token requires an extension that is not supported")]
    UnknownExtension,
    /// The signature, issuer, audience or time is wrong.
    #[error("the token is not valid")]
    Invalid,
    /// The token is not an access token. An id token tells an app who signed in and grants
    /// no access.
    #[error("the token is not an access token")]
    NotForAccess,
}

impl TokenError {
    /// Returns a short, stable code for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::AlgorithmNotAllowed => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::UnknownExtension => "token_unknown_extension",
            Self::Invalid => "token_invalid",
            Self::NotForAccess => "token_not_for_access",
        }
    }
}

/// The rules for accepted tokens: one issuer, one audience, and the claims with tenant and tier.
#[derive(Debug, Clone)]
pub struct Rules {
    issuer: String,
    audience: Audience,
    tenant_claim: String,
    tier_claim: String,
    role_claim: Option<String>,
}

impl Rules {
    /// Returns the rules for tokens of `issuer` for `audience`, with the claims `tenant_id` and `tier`.
    pub fn new(issuer: &str, audience: Audience) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience,
            tenant_claim: "tenant_id".to_owned(),
            tier_claim: "tier".to_owned(),
            role_claim: None,
        }
    }

    /// Sets the names of the claims with tenant and tier, for example `https://example.com/tenant_id`.
    ///
    /// The names are whole: a dot or a slash does not lead into a nested claim.
    #[must_use]
    pub fn with_claims(self, tenant: &str, tier: &str) -> Self {
        Self { tenant_claim: tenant.to_owned(), tier_claim: tier.to_owned(), ..self }
    }

    /// Sets the name of the claim with the caller's role. Without it, [`Claims::role`] is `None`.
    #[must_use]
    pub fn with_role_claim(self, role: &str) -> Self {
        Self { role_claim: Some(role.to_owned()), ..self }
    }

    /// Returns the id of the key that `token` names, if any, so that the caller can fetch the key.
    /// Not verified.
    ///
    /// # Errors
    /// [`TokenError`] if no key could make the token valid.
    pub fn key_id(&self, token: &str) -> Result<Option<String>, TokenError> {
        Ok(header(token)?.1)
    }

    /// Verifies `token` with one of `keys` and returns its claims.
    pub fn verify(&self, token: &str, keys: &KeySet) -> Result<Claims, TokenError> {
        let (algorithm, kid) = header(token)?;
        // The header only selects among the algorithms that the key allows.
        let known = keys.contains(kid.as_deref());
        let key = keys.get(kid.as_deref(), algorithm).ok_or(match kid {
            Some(_) if known => TokenError::AlgorithmNotAllowed,
            _ => TokenError::UnknownKey,
        })?;
        let mut rules = Validation::new(algorithm);
        rules.leeway = LEEWAY;
        rules.validate_nbf = true;
        rules.set_issuer(&[&self.issuer]);
        match &self.audience {
            Audience::Aud(audience) => {
                rules.set_audience(&[audience]);
                rules.set_required_spec_claims(&["exp", "iss", "aud"]);
            }
            // Checked below, because the library accepts an `aud` that it cannot parse.
            Audience::ClientId(_) => {
                rules.validate_aud = false;
                rules.set_required_spec_claims(&["exp", "iss"]);
            }
        }
        let decoded = decode::<Map<String, Value>>(token, &key.decoding, &rules);
        let mut signed = decoded.map_err(|_| TokenError::Invalid)?.claims;
        self.check(&signed)?;
        // Cloned, because both names may be the same.
        let tier = signed.get(&self.tier_claim).cloned();
        let role = self.role_claim.as_ref().and_then(|claim| signed.get(claim)).cloned();
        let subject = subject(signed.get("sub"));
        Ok(Claims { tenant_id: signed.remove(&self.tenant_claim), tier, role, subject })
    }

    /// Checks what the library does not check, or checks less strictly.
    fn check(&self, signed: &Map<String, Value>) -> Result<(), TokenError> {
        let claim = |name: &str| signed.get(name).filter(|value| !value.is_null());
        let says = |name: &str, text: &str| claim(name).is_some_and(|value| value == text);
        let issued_too_late = |at: &Value| at.as_f64().is_none_or(|at| at > latest());
        // The library also accepts a list of issuers that contains ours.
        if !claim("iss").is_some_and(Value::is_string) || claim("iat").is_some_and(issued_too_late) {
            return Err(TokenError::Invalid);
        }
        if let Audience::ClientId(client) = &self.audience {
            let own = claim("client_id").and_then(Value::as_str).ok_or(TokenError::Invalid)?;
            let mut scopes = claim("scope").and_then(Value::as_str).unwrap_or_default().split(' ');
            let is_machine = scopes.any(|scope| scope.starts_with(MACHINE_SCOPES));
            // A different `aud` means that the token is for another API.
            if own != client && !is_machine || !claim("aud").is_none_or(|aud| aud == own) {
                return Err(TokenError::Invalid);
            }
            return if says("token_use", "access") { Ok(()) } else { Err(TokenError::NotForAccess) };
        }
        // Most issuers do not set `token_use`. If it is set, it must be `access`.
        if claim("token_use").is_some() && !says("token_use", "access") {
            return Err(TokenError::NotForAccess);
        }
        Ok(())
    }
}

fn subject(claim: Option<&Value>) -> Option<String> {
    let text = claim?.as_str()?;
    let valid = (1..=MAX_SUBJECT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    valid.then(|| text.to_owned())
}

/// Returns the latest accepted `iat`: now plus the tolerated skew.
fn latest() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    (now + LEEWAY) as f64
}

fn header(token: &str) -> Result<(Algorithm, Option<String>), TokenError> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, RS256, RS384, RS512};
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
    // A verifier must refuse a token that depends on an extension that it does not know: RFC 7515, 4.1.11.
    if header.crit.is_some() {
        return Err(TokenError::UnknownExtension);
    }
    match header.alg {
        RS256 | RS384 | RS512 | PS256 | ES256 | ES384 | EdDSA => Ok((header.alg, header.kid)),
        _ => Err(TokenError::AlgorithmNotAllowed),
    }
}
