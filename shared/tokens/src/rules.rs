use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use crate::KeySet;

/// Tolerated clock skew in seconds, for `exp`, `nbf` and `iat`.
const LEEWAY: u64 = 30;
/// Maximum token length in bytes. API Gateway's limit for all headers is 10,240.
const MAX_TOKEN: usize = 8 * 1024;

/// The claims of a verified token. The caller checks the tenant.
#[derive(Debug)]
pub struct Claims {
    /// The tenant claim: any JSON value.
    pub tenant_id: Option<Value>,
    /// The tier.
    pub tier: Option<String>,
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
    /// The algorithm is not ES256 or RS256, or is not the key's algorithm.
    #[error("the token's algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The token names no key, or a key that the issuer does not have.
    #[error("the token's key is not one of the issuer's keys")]
    UnknownKey,
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
            Self::Invalid => "token_invalid",
            Self::NotForAccess => "token_not_for_access",
        }
    }
}

/// The rules for accepted tokens: one issuer, one audience.
#[derive(Debug, Clone)]
pub struct Rules {
    issuer: String,
    audience: Audience,
}

/// The checked claims. A claim of another type makes the token invalid.
#[derive(Deserialize)]
struct Signed {
    iss: Value,
    iat: Option<f64>,
    aud: Option<Value>,
    client_id: Option<Value>,
    token_use: Option<Value>,
    tenant_id: Option<Value>,
    tier: Option<String>,
}

impl Rules {
    /// Returns the rules for tokens of `issuer` for `audience`.
    pub fn new(issuer: &str, audience: Audience) -> Self {
        Self { issuer: issuer.to_owned(), audience }
    }

    /// Returns the id of the key that `token` names, so that the caller can fetch the key.
    /// Not verified.
    ///
    /// # Errors
    /// [`TokenError`] if no key could make the token valid.
    pub fn key_id(&self, token: &str) -> Result<String, TokenError> {
        Ok(header(token)?.1)
    }

    /// Verifies `token` with one of `keys` and returns its claims.
    pub fn verify(&self, token: &str, keys: &KeySet) -> Result<Claims, TokenError> {
        let (algorithm, kid) = header(token)?;
        let key = keys.get(&kid).ok_or(TokenError::UnknownKey)?;
        // The header only selects a key; the key decides the algorithm.
        if key.algorithm != algorithm {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        let mut rules = Validation::new(key.algorithm);
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
        let signed = decode::<Signed>(token, &key.decoding, &rules).map_err(|_| TokenError::Invalid)?.claims;
        self.check(&signed)?;
        Ok(Claims { tenant_id: signed.tenant_id, tier: signed.tier })
    }

    /// Checks what the library does not check, or checks less strictly.
    fn check(&self, signed: &Signed) -> Result<(), TokenError> {
        let says = |claim: &Option<Value>, text: &str| claim.as_ref().is_some_and(|claim| claim == text);
        // The library also accepts a list of issuers that contains ours.
        if !signed.iss.is_string() || signed.iat.is_some_and(|at| at > latest()) {
            return Err(TokenError::Invalid);
        }
        if let Audience::ClientId(client) = &self.audience {
            // A different `aud` means that the token is for another API.
            if !says(&signed.client_id, client) || !signed.aud.as_ref().is_none_or(|aud| aud == client) {
                return Err(TokenError::Invalid);
            }
            return if says(&signed.token_use, "access") { Ok(()) } else { Err(TokenError::NotForAccess) };
        }
        // Most issuers do not set `token_use`. If it is set, it must be `access`.
        if signed.token_use.is_some() && !says(&signed.token_use, "access") {
            return Err(TokenError::NotForAccess);
        }
        Ok(())
    }
}

/// Returns the latest accepted `iat`: now plus the tolerated skew.
fn latest() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    (now + LEEWAY) as f64
}

fn header(token: &str) -> Result<(Algorithm, String), TokenError> {
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
    if !matches!(header.alg, Algorithm::ES256 | Algorithm::RS256) {
        return Err(TokenError::AlgorithmNotAllowed);
    }
    Ok((header.alg, header.kid.ok_or(TokenError::UnknownKey)?))
}
