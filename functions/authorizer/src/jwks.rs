//! The issuer's public keys, fetched when needed and kept. The same for every tenant.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use crate::token::TokenError;

/// Keys are asked for again after this time, so that a withdrawn key ends.
const MAX_AGE: Duration = Duration::from_secs(3_600);
/// An unknown key id makes us ask again, at most this often: made-up ids must not
/// become a load on the issuer.
const MIN_AGE: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(3);
/// Largest key set, bytes.
const MAX_BYTES: usize = 256 * 1024;

/// A key and the one algorithm that it may verify.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// The keys at one URL.
pub(crate) struct Jwks {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<&'static [u8]>>,
    fetched: Mutex<Option<Fetched>>,
}

struct Fetched {
    at: Instant,
    keys: HashMap<String, Arc<Key>>,
}

impl Jwks {
    /// Returns the keys at `url`: https, or http on this very machine.
    pub(crate) fn new(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let trusted = match url.scheme_str()? {
            "https" => true,
            "http" => matches!(url.host()?, "127.0.0.1" | "localhost" | "[::1]"),
            _ => false,
        };
        if !trusted {
            return None;
        }
        let connector =
            HttpsConnectorBuilder::new().with_native_roots().ok()?.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Some(Self { url, client, fetched: Mutex::new(None) })
    }

    /// Returns the key `kid`, or `None` where the issuer has no such key.
    pub(crate) async fn get(&self, kid: &str) -> Result<Option<Arc<Key>>, TokenError> {
        let mut fetched = self.fetched.lock().await;
        if let Some(kept) = fetched.as_ref() {
            let age = kept.at.elapsed();
            let key = kept.keys.get(kid);
            if (key.is_some() && age < MAX_AGE) || age < MIN_AGE {
                return Ok(key.cloned());
            }
        }
        match self.fetch().await {
            Ok(keys) => {
                let key = keys.get(kid).cloned();
                *fetched = Some(Fetched { at: Instant::now(), keys });
                Ok(key)
            }
            Err(problem) => {
                tracing::error!(problem, "the issuer's keys cannot be fetched");
                Err(TokenError::KeysUnavailable)
            }
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<Key>>, String> {
        let body = tokio::time::timeout(TIMEOUT, async {
            let response = self.client.get(self.url.clone()).await.map_err(|error| error.to_string())?;
            if !response.status().is_success() {
                return Err(format!("status {}", response.status()));
            }
            Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(|error| error.to_string())
        });
        let body = body.await.map_err(|_| "timed out".to_owned())??.to_bytes();
        let set: JwkSet = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        Ok(set.keys.iter().filter_map(usable).collect())
    }
}

/// A key for signatures by ES256 or RS256, by its own kind; all others are left out.
fn usable(jwk: &Jwk) -> Option<(String, Arc<Key>)> {
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
    Some((kid, Arc::new(Key { algorithm, decoding })))
}
