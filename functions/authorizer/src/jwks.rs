//! The issuer's public keys, fetched when needed and kept. The same for every tenant.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bulkhead_tokens::KeySet;
use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::sync::Mutex;

/// Keys are asked for again after this time, so that a withdrawn key ends.
const MAX_AGE: Duration = Duration::from_secs(3_600);
/// An unknown key id makes us ask again, at most this often: made-up ids must not
/// become a load on the issuer.
const MIN_AGE: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(3);
/// Largest key set, bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The issuer's keys cannot be fetched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeysUnavailable;

/// The keys at one URL.
pub(crate) struct Jwks {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<&'static [u8]>>,
    fetched: Mutex<Option<Fetched>>,
}

struct Fetched {
    at: Instant,
    keys: Arc<KeySet>,
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

    /// Returns the issuer's keys, fetched anew where they are old or lack the key `kid`.
    pub(crate) async fn with(&self, kid: &str) -> Result<Arc<KeySet>, KeysUnavailable> {
        let mut fetched = self.fetched.lock().await;
        if let Some(kept) = fetched.as_ref() {
            let age = kept.at.elapsed();
            if (kept.keys.contains(kid) && age < MAX_AGE) || age < MIN_AGE {
                return Ok(Arc::clone(&kept.keys));
            }
        }
        match self.fetch().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *fetched = Some(Fetched { at: Instant::now(), keys: Arc::clone(&keys) });
                Ok(keys)
            }
            Err(problem) => {
                tracing::error!(problem, "the issuer's keys cannot be fetched");
                Err(KeysUnavailable)
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, String> {
        let body = tokio::time::timeout(TIMEOUT, async {
            let response = self.client.get(self.url.clone()).await.map_err(|error| error.to_string())?;
            if !response.status().is_success() {
                return Err(format!("status {}", response.status()));
            }
            Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(|error| error.to_string())
        });
        let body = body.await.map_err(|_| "timed out".to_owned())??.to_bytes();
        KeySet::from_json(&body).map_err(|error| error.to_string())
    }
}
