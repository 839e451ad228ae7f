//! The issuer's public keys, fetched on demand and cached. The same for every tenant.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bulkhead_tokens::KeySet;
use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::sync::Mutex;

/// Maximum age of cached keys. A withdrawn key works at most this long, plus one minute for
/// API Gateway's cache: one hour in total.
const MAX_AGE: Duration = Duration::from_secs(59 * 60);
/// Extra time for known keys while the issuer is unreachable. Bounded, so that an attacker
/// who blocks the issuer cannot keep a stolen key alive.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// Minimum time between two fetches, successful or not. Limits the load that made-up key ids
/// cause, and the waiting time while the issuer does not answer.
const MIN_AGE: Duration = Duration::from_secs(10);
/// Maximum age of cached keys for a token without a key id. Shorter, because only a fetch shows that the issuer has
/// replaced its key.
const UNNAMED_AGE: Duration = Duration::from_secs(5 * 60);
/// Minimum time between two fetches before the first success. Shorter, because no request
/// succeeds without keys.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum size of a key set in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// No usable keys are cached and the issuer cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysUnavailable;

/// The cached key set of one URL.
pub(crate) struct Jwks {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<&'static [u8]>>,
    cache: Mutex<KeyCache>,
}

/// The last fetched keys and the time of the last fetch attempt.
#[derive(Default)]
struct KeyCache {
    fetched: Option<Fetched>,
    last_attempt: Option<Instant>,
}

struct Fetched {
    at: Instant,
    keys: Arc<KeySet>,
}

impl KeyCache {
    /// Returns whether to fetch keys before verifying a token of the key `kid`.
    fn should_fetch(&self, kid: Option<&str>, now: Instant) -> bool {
        let limit = if kid.is_some() { MAX_AGE } else { UNNAMED_AGE };
        let good = self.fetched.as_ref().is_some_and(|it| it.keys.contains(kid) && it.age(now) < limit);
        let pause = if self.fetched.is_some() { MIN_AGE } else { FIRST_PAUSE };
        !good && self.last_attempt.is_none_or(|at| now.saturating_duration_since(at) >= pause)
    }

    /// Returns the cached keys if they are recent enough to judge a token of the key `kid`.
    fn keys_for(&self, kid: Option<&str>, now: Instant) -> Result<Arc<KeySet>, KeysUnavailable> {
        let fetched = self.fetched.as_ref().ok_or(KeysUnavailable)?;
        let age = fetched.age(now);
        // An unknown key may be new. Only a recent key set shows that it does not exist.
        let recent = age < MIN_AGE;
        let good = fetched.keys.contains(kid) && age < MAX_AGE + GRACE;
        if recent || good { Ok(Arc::clone(&fetched.keys)) } else { Err(KeysUnavailable) }
    }

    fn store(&mut self, keys: KeySet, now: Instant) {
        self.fetched = Some(Fetched { at: now, keys: Arc::new(keys) });
    }
}

impl Fetched {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

impl Jwks {
    /// Returns an empty cache for `url`, or `None` unless it is https, or http on localhost.
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
        Some(Self { url, client, cache: Mutex::default() })
    }

    /// Returns the issuer's keys. Fetches them if they are old or lack the key `kid`.
    pub(crate) async fn keys_for(&self, kid: Option<&str>) -> Result<Arc<KeySet>, KeysUnavailable> {
        let mut cache = self.cache.lock().await;
        if cache.should_fetch(kid, Instant::now()) {
            // Set before the fetch, so that a fetch that Lambda interrupts counts as well.
            let started = Instant::now();
            cache.last_attempt = Some(started);
            match self.fetch().await {
                Ok(keys) => cache.store(keys, started),
                Err(error) => tracing::error!(error, "key set fetch failed"),
            }
        }
        cache.keys_for(kid, Instant::now())
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;

    /// A key set with these key ids. Every key is the public key of RFC 7515, example A.3.
    fn set(kids: &[&str]) -> String {
        let key = |kid: &&str| {
            format!(
                r#"{{"kty": "EC", "crv": "P-256", "kid": "{kid}",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}"#
            )
        };
        format!(r#"{{"keys": [{}]}}"#, kids.iter().map(key).collect::<Vec<_>>().join(","))
    }

    fn keys(kids: &[&str]) -> KeySet {
        KeySet::from_json(set(kids).as_bytes()).expect("a key set")
    }

    /// A cache filled at the returned time, with a failed fetch `failed_after` that time.
    fn cache(failed_after: Option<Duration>) -> (KeyCache, Instant) {
        let start = Instant::now();
        let mut cache = KeyCache::default();
        cache.store(keys(&["known"]), start);
        cache.last_attempt = Some(failed_after.map_or(start, |after| start + after));
        (cache, start)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn first_token_triggers_fetch_and_fails_without_keys() {
        let now = Instant::now();
        let mut empty = KeyCache::default();
        assert!(empty.should_fetch(Some("known"), now));
        assert_eq!(empty.keys_for(Some("known"), now).err(), Some(KeysUnavailable));
        empty.last_attempt = Some(now);
        assert!(!empty.should_fetch(Some("known"), now + FIRST_PAUSE / 2));
        assert!(empty.should_fetch(Some("known"), now + FIRST_PAUSE));
    }

    #[test]
    fn known_key_is_cached_for_less_than_an_hour() {
        let (cache, start) = cache(None);
        assert!(!cache.should_fetch(Some("known"), start + MAX_AGE - SECOND));
        assert!(cache.should_fetch(Some("known"), start + MAX_AGE));
        assert!(MAX_AGE + Duration::from_secs(60) <= Duration::from_secs(3_600));
    }

    #[test]
    fn unknown_key_triggers_fetch_at_most_every_ten_seconds() {
        let (cache, start) = cache(None);
        assert!(!cache.should_fetch(Some("new"), start + MIN_AGE - SECOND));
        assert!(cache.should_fetch(Some("new"), start + MIN_AGE));
        // A recent key set shows that the key does not exist.
        assert!(
            cache
                .keys_for(Some("new"), start + MIN_AGE - SECOND)
                .is_ok_and(|keys| !keys.contains(Some("new")))
        );
        // An older key set does not, whether or not a fetch failed since.
        assert!(cache.keys_for(Some("new"), start + MIN_AGE).is_err());
    }

    #[test]
    fn failed_fetch_is_not_repeated_at_once() {
        let failed = MAX_AGE + MIN_AGE;
        let (cache, start) = cache(Some(failed));
        for kid in ["known", "new"] {
            assert!(!cache.should_fetch(Some(kid), start + failed + MIN_AGE - SECOND), "{kid}");
            assert!(cache.should_fetch(Some(kid), start + failed + MIN_AGE), "{kid}");
        }
    }

    #[test]
    fn known_keys_survive_bounded_outage() {
        let (cache, start) = cache(Some(MAX_AGE));
        assert!(cache.keys_for(Some("known"), start + MAX_AGE + GRACE - SECOND).is_ok());
        assert!(cache.keys_for(Some("known"), start + MAX_AGE + GRACE).is_err());
        // The key may be new, so the token is neither rejected nor accepted.
        assert!(cache.keys_for(Some("new"), start + MAX_AGE).is_err());
    }

    #[test]
    fn accepts_only_https_or_localhost() {
        for (url, trusted) in [
            ("https://issuer.example/jwks.json", true),
            ("http://127.0.0.1:8080/jwks.json", true),
            ("http://localhost/jwks.json", true),
            ("http://[::1]:8080/jwks.json", true),
            ("http://issuer.example/jwks.json", false),
            ("http://127.0.0.1.issuer.example/jwks.json", false),
            ("file:///etc/passwd", false),
            ("//issuer.example/jwks.json", false),
            ("", false),
        ] {
            assert_eq!(Jwks::new(url).is_some(), trusted, "{url}");
        }
    }

    /// Serves each body once and reports each request.
    fn issuer(bodies: Vec<String>) -> (String, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
        let (asked, asks) = mpsc::channel();
        std::thread::spawn(move || {
            for body in bodies {
                let (mut stream, _) = listener.accept().expect("a request");
                asked.send(()).expect("a receiver");
                let _ = stream.read(&mut [0; 4096]).expect("a head");
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).expect("an answer");
            }
        });
        (url, asks)
    }

    #[tokio::test]
    async fn fetches_once_and_notices_rotation() {
        let (url, asks) = issuer(vec![set(&["one"]), set(&["one", "two"])]);
        let jwks = Jwks::new(&url).expect("a trusted address");
        for _ in 0..3 {
            assert!(jwks.keys_for(Some("one")).await.expect("keys").contains(Some("one")));
        }
        assert!(!jwks.keys_for(Some("two")).await.expect("a recent key set").contains(Some("two")));
        assert_eq!(asks.try_iter().count(), 1);
        jwks.cache.lock().await.last_attempt = Instant::now().checked_sub(MIN_AGE);
        assert!(jwks.keys_for(Some("two")).await.expect("keys").contains(Some("two")));
        assert_eq!(asks.try_iter().count(), 1);
    }

    #[tokio::test]
    async fn invalid_key_set_is_ignored() {
        for body in [String::from("<html>"), set(&["one"]) + &" ".repeat(MAX_BYTES)] {
            let (url, asks) = issuer(vec![body, set(&["one"])]);
            let jwks = Jwks::new(&url).expect("a trusted address");
            assert!(jwks.keys_for(Some("one")).await.is_err());
            // The second call does not fetch.
            assert!(jwks.keys_for(Some("one")).await.is_err());
            assert_eq!(asks.try_iter().count(), 1);
            jwks.cache.lock().await.last_attempt = None;
            assert!(jwks.keys_for(Some("one")).await.expect("keys").contains(Some("one")));
        }
    }
}
