use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use crate::KeySet;

/// Clock skew that is forgiven, seconds: of `exp`, `nbf` and `iat`.
const LEEWAY: u64 = 30;
/// Longest token, bytes. API Gateway's limit for all headers is 10,240.
const MAX_TOKEN: usize = 8 * 1024;

/// What a verified token says. Which tenant it names is checked by the caller.
#[derive(Debug)]
pub struct Claims {
    /// The tenant, as anything JSON can hold.
    pub tenant_id: Option<Value>,
    /// The tier.
    pub tier: Option<String>,
}

/// Whom a token has to be for, and which claim says so. One of them, never either: the
/// claim that an issuer leaves out is one that somebody else may fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// The claim `aud`, as most issuers have it.
    Aud(String),
    /// The claim `client_id`, together with `token_use` = `access`: Cognito's access
    /// tokens, which have no `aud`. Its id tokens have one, and no `client_id`.
    ClientId(String),
}

impl Audience {
    /// Returns the audience `name`, to be found in the claim `aud` or `client_id`; none for
    /// any other claim.
    pub fn of(claim: &str, name: &str) -> Option<Self> {
        match claim {
            "aud" => Some(Self::Aud(name.to_owned())),
            "client_id" => Some(Self::ClientId(name.to_owned())),
            _ => None,
        }
    }
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not a token.
    #[error("not a token")]
    Malformed,
    /// Its algorithm is not one of ours, or not its key's.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// It names no key, or none of the issuer's.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// Signature, issuer, audience or time do not hold.
    #[error("the token is not valid")]
    Invalid,
    /// The issuer signed it for another use: an id token tells an app who signed in, and
    /// admits to nothing.
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

/// What tokens have to satisfy: one issuer, one audience.
#[derive(Debug, Clone)]
pub struct Rules {
    issuer: String,
    audience: Audience,
}

/// Everything that is looked at beyond the signature. A claim of another type than stands
/// here makes the token worthless.
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

    /// Returns the id of the key that `token` says it was signed with. Unproven: it only
    /// says which key to fetch.
    ///
    /// # Errors
    /// [`TokenError`] where no key could make it valid.
    pub fn key_id(&self, token: &str) -> Result<String, TokenError> {
        Ok(header(token)?.1)
    }

    /// Returns what `token` says, if it is proven by one of `keys`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, keys: &KeySet) -> Result<Claims, TokenError> {
        let (algorithm, kid) = header(token)?;
        let key = keys.get(&kid).ok_or(TokenError::UnknownKey)?;
        // The header only picks among what we allow; the key then decides.
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
            // Looked at below: left to the library, an `aud` it cannot read would pass.
            Audience::ClientId(_) => {
                rules.validate_aud = false;
                rules.set_required_spec_claims(&["exp", "iss"]);
            }
        }
        let signed = decode::<Signed>(token, &key.decoding, &rules).map_err(|_| TokenError::Invalid)?.claims;
        self.check(&signed)?;
        Ok(Claims { tenant_id: signed.tenant_id, tier: signed.tier })
    }

    /// What the library does not look at, or not as strictly.
    fn check(&self, signed: &Signed) -> Result<(), TokenError> {
        let says = |claim: &Option<Value>, text: &str| claim.as_ref().is_some_and(|claim| claim == text);
        // The library has found our issuer, which a list of several may hold as well.
        if !signed.iss.is_string() || signed.iat.is_some_and(|at| at > latest()) {
            return Err(TokenError::Invalid);
        }
        if let Audience::ClientId(client) = &self.audience {
            // An `aud` of its own would make it a token for somebody else's API.
            if !says(&signed.client_id, client) || !signed.aud.as_ref().is_none_or(|aud| aud == client) {
                return Err(TokenError::Invalid);
            }
            return if says(&signed.token_use, "access") { Ok(()) } else { Err(TokenError::NotForAccess) };
        }
        // Others have no such claim; whoever has it means it.
        if signed.token_use.is_some() && !says(&signed.token_use, "access") {
            return Err(TokenError::NotForAccess);
        }
        Ok(())
    }
}

/// The latest time that a token may have been made at, if its issuer's clock is ahead.
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
