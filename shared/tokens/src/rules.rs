use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use crate::KeySet;

/// Clock skew that is forgiven, seconds.
const LEEWAY: u64 = 30;
/// Longest token, bytes. API Gateway's limit for all headers is 10,240.
const MAX_TOKEN: usize = 8 * 1024;

/// What a verified token says. Which tenant it names is checked by the caller.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// The tenant, as anything JSON can hold.
    pub tenant_id: Option<serde_json::Value>,
    /// The tier.
    pub tier: Option<String>,
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
}

impl TokenError {
    /// Returns a short, stable code for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::AlgorithmNotAllowed => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::Invalid => "token_invalid",
        }
    }
}

/// What tokens have to satisfy: one issuer, one audience.
#[derive(Debug, Clone)]
pub struct Rules {
    issuer: String,
    audience: String,
}

impl Rules {
    /// Returns the rules for tokens of `issuer` for `audience`.
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self { issuer: issuer.to_owned(), audience: audience.to_owned() }
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
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        decode::<Claims>(token, &key.decoding, &rules)
            .map(|data| data.claims)
            .map_err(|_| TokenError::Invalid)
    }
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
