use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// A public key and the only algorithm that it may verify.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// An issuer's public keys by key id.
pub struct KeySet(HashMap<String, Key>);

impl KeySet {
    /// Parses a JSON Web Key Set. Skips keys without an id and keys that cannot verify
    /// ES256 or RS256 signatures.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let set: JwkSet = serde_json::from_slice(bytes)?;
        Ok(Self(set.keys.iter().filter_map(usable).collect()))
    }

    /// Returns whether the set contains the key `kid`.
    pub fn contains(&self, kid: &str) -> bool {
        self.0.contains_key(kid)
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&Key> {
        self.0.get(kid)
    }
}

/// Returns the key if it can verify ES256 or RS256. The key type decides the algorithm.
fn usable(jwk: &Jwk) -> Option<(String, Key)> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return None,
    };
    let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let stated = jwk.common.key_algorithm.map(|stated| stated.to_string());
    let agrees = stated.is_none_or(|stated| stated == format!("{algorithm:?}"));
    let kid = jwk.common.key_id.clone().filter(|_| for_signatures && agrees)?;
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    Some((kid, Key { algorithm, decoding }))
}
