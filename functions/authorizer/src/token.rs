use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use crate::jwks::Jwks;

/// Clock skew that is forgiven, seconds.
const LEEWAY: u64 = 30;
/// Longest token, bytes. API Gateway's limit for all headers is 10,240.
const MAX_TOKEN: usize = 8 * 1024;

/// What a verified token says. Which tenant it names is checked by the caller.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) tenant_id: Option<serde_json::Value>,
    pub(crate) tier: Option<String>,
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    Malformed,
    AlgorithmNotAllowed,
    UnknownKey,
    Invalid,
    KeysUnavailable,
}

impl TokenError {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::AlgorithmNotAllowed => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::Invalid => "token_invalid",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}

/// Checks tokens of one issuer for one audience.
pub(crate) struct Verifier {
    issuer: String,
    audience: String,
    keys: Jwks,
}

impl Verifier {
    pub(crate) fn new(issuer: &str, audience: &str, keys: Jwks) -> Self {
        Self { issuer: issuer.to_owned(), audience: audience.to_owned(), keys }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        // The header only picks among what we allow; the key then decides.
        if !matches!(header.alg, Algorithm::ES256 | Algorithm::RS256) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        let kid = header.kid.ok_or(TokenError::UnknownKey)?;
        let key = self.keys.get(&kid).await?.ok_or(TokenError::UnknownKey)?;
        if key.algorithm != header.alg {
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
