use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// A public key and the only algorithms that it may verify.
pub(crate) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(crate) decoding: DecodingKey,
}

/// An issuer's public keys.
pub struct KeySet(Vec<Key>);

/// A key set whose entries are not parsed yet, because one malformed entry must not spoil the others.
#[derive(Deserialize)]
struct Entries {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses a JSON Web Key Set. Skips malformed entries and keys that cannot verify one of the
    /// accepted algorithms.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Entries = serde_json::from_slice(bytes)?;
        Ok(Self(
            set.keys.into_iter().filter_map(|entry| usable(&serde_json::from_value(entry).ok()?)).collect(),
        ))
    }

    /// Returns whether the set may verify a token of the key `kid`, or of an unnamed key.
    pub fn contains(&self, kid: Option<&str>) -> bool {
        match kid {
            Some(_) => self.0.iter().any(|key| key.id.as_deref() == kid),
            None => !self.0.is_empty(),
        }
    }

    /// Returns the key `kid` that verifies `algorithm`. Without `kid`, returns the only key of the set that verifies it.
    pub(crate) fn get(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting =
            self.0.iter().filter(|key| key.algorithms.contains(&algorithm)).filter(|key| match kid {
                Some(_) => key.id.as_deref() == kid,
                None => true,
            });
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then_some(first)
    }
}

/// Returns the key if it can verify an accepted algorithm. The key decides the algorithms, never the token.
fn usable(jwk: &Jwk) -> Option<Key> {
    let of_type: &[_] = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[Algorithm::ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        AlgorithmParameters::RSA(_) => {
            &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256]
        }
        _ => return None,
    };
    let stated = jwk.common.key_algorithm.map(|stated| stated.to_string());
    let algorithms: Vec<_> = of_type
        .iter()
        .copied()
        .filter(|algorithm| stated.as_ref().is_none_or(|stated| *stated == format!("{algorithm:?}")))
        .collect();
    let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    if algorithms.is_empty() || !for_signatures {
        return None;
    }
    Some(Key { id: jwk.common.key_id.clone(), algorithms, decoding: DecodingKey::from_jwk(jwk).ok()? })
}
