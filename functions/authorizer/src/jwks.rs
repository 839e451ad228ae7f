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

/// Keys are asked for again after this time. A key that was withdrawn ends with it; API
/// Gateway remembers an answer for another minute, which makes it an hour.
const MAX_AGE: Duration = Duration::from_secs(59 * 60);
/// For so long after that, keys we know go on where the issuer cannot be asked: its outage
/// is not to become ours, but whoever keeps us from asking must not keep a stolen key alive.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// The issuer is asked at most this often, whether it answers or not: made-up key ids must
/// not become a load on it, nor its silence a wait for every request.
const MIN_AGE: Duration = Duration::from_secs(10);
/// The same as long as it never answered: nobody gets in without keys.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);
/// Largest key set, bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The issuer's keys cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysUnavailable;

/// The keys at one URL.
pub(crate) struct Jwks {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<&'static [u8]>>,
    kept: Mutex<Kept>,
}

/// What we know of the issuer's keys, and when we asked last.
#[derive(Default)]
struct Kept {
    fetched: Option<Fetched>,
    asked: Option<Instant>,
}

struct Fetched {
    at: Instant,
    keys: Arc<KeySet>,
}

impl Kept {
    /// Whether to ask the issuer before a token of the key `kid` is judged.
    fn wants(&self, kid: &str, now: Instant) -> bool {
        let good = self.fetched.as_ref().is_some_and(|it| it.keys.contains(kid) && it.age(now) < MAX_AGE);
        let pause = if self.fetched.is_some() { MIN_AGE } else { FIRST_PAUSE };
        !good && self.asked.is_none_or(|at| now.saturating_duration_since(at) >= pause)
    }

    /// The keys to judge it by, whether or not the issuer was asked or answered.
    fn serve(&self, kid: &str, now: Instant) -> Result<Arc<KeySet>, KeysUnavailable> {
        let fetched = self.fetched.as_ref().ok_or(KeysUnavailable)?;
        let age = fetched.age(now);
        // A key we do not know may be new: only an answer of just now says that there is none.
        let told = age < MIN_AGE;
        let good = fetched.keys.contains(kid) && age < MAX_AGE + GRACE;
        if told || good { Ok(Arc::clone(&fetched.keys)) } else { Err(KeysUnavailable) }
    }

    fn answered(&mut self, keys: KeySet, now: Instant) {
        self.fetched = Some(Fetched { at: now, keys: Arc::new(keys) });
    }
}

impl Fetched {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
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
        Some(Self { url, client, kept: Mutex::default() })
    }

    /// Returns the issuer's keys, fetched anew where they are old or lack the key `kid`.
    pub(crate) async fn with(&self, kid: &str) -> Result<Arc<KeySet>, KeysUnavailable> {
        let mut kept = self.kept.lock().await;
        if kept.wants(kid, Instant::now()) {
            // Noted before the answer: an invocation that is cut off has asked as well.
            let asked = Instant::now();
            kept.asked = Some(asked);
            match self.fetch().await {
                Ok(keys) => kept.answered(keys, asked),
                Err(problem) => tracing::error!(problem, "the issuer's keys cannot be fetched"),
            }
        }
        kept.serve(kid, Instant::now())
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

    /// Key ids of a set, with the public key of RFC 7515's example A.3.
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

    /// An issuer that answered at the time returned, and was asked again, in vain, after `silent`.
    fn kept(silent: Option<Duration>) -> (Kept, Instant) {
        let start = Instant::now();
        let mut kept = Kept { asked: Some(start), ..Kept::default() };
        kept.answered(keys(&["known"]), start);
        kept.asked = Some(silent.map_or(start, |after| start + after));
        (kept, start)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_token_makes_us_ask_and_without_an_answer_nobody_gets_in() {
        let now = Instant::now();
        let mut nothing = Kept::default();
        assert!(nothing.wants("known", now));
        assert_eq!(nothing.serve("known", now).err(), Some(KeysUnavailable));
        nothing.asked = Some(now);
        assert!(!nothing.wants("known", now + FIRST_PAUSE / 2));
        assert!(nothing.wants("known", now + FIRST_PAUSE));
    }

    #[test]
    fn a_known_key_is_good_for_less_than_an_hour_without_asking() {
        let (kept, start) = kept(None);
        assert!(!kept.wants("known", start + MAX_AGE - SECOND));
        assert!(kept.wants("known", start + MAX_AGE));
        assert!(MAX_AGE + Duration::from_secs(60) <= Duration::from_secs(3_600));
    }

    #[test]
    fn an_unknown_key_makes_us_ask_at_most_every_ten_seconds() {
        let (kept, start) = kept(None);
        assert!(!kept.wants("new", start + MIN_AGE - SECOND));
        assert!(kept.wants("new", start + MIN_AGE));
        // The answer of just now has no such key: that is an answer.
        assert!(kept.serve("new", start + MIN_AGE - SECOND).is_ok_and(|keys| !keys.contains("new")));
        // Later it is none, whether the issuer was asked in vain or not at all.
        assert!(kept.serve("new", start + MIN_AGE).is_err());
    }

    #[test]
    fn a_silent_issuer_is_left_alone_for_a_while() {
        let silent = MAX_AGE + MIN_AGE;
        let (kept, start) = kept(Some(silent));
        for kid in ["known", "new"] {
            assert!(!kept.wants(kid, start + silent + MIN_AGE - SECOND), "{kid}");
            assert!(kept.wants(kid, start + silent + MIN_AGE), "{kid}");
        }
    }

    #[test]
    fn known_keys_outlive_an_outage_but_not_for_ever() {
        let (kept, start) = kept(Some(MAX_AGE));
        assert!(kept.serve("known", start + MAX_AGE + GRACE - SECOND).is_ok());
        assert!(kept.serve("known", start + MAX_AGE + GRACE).is_err());
        // Whether a key is new cannot be told: neither 401 nor admission.
        assert!(kept.serve("new", start + MAX_AGE).is_err());
    }

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
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

    /// Serves each body once, then nothing more; says how often it was asked.
    fn issuer(bodies: Vec<String>) -> (String, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
        let (asked, asks) = mpsc::channel();
        std::thread::spawn(move || {
            for body in bodies {
                let (mut stream, _) = listener.accept().expect("a request");
                asked.send(()).expect("somebody counts");
                let _ = stream.read(&mut [0; 4096]).expect("a head");
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).expect("an answer");
            }
        });
        (url, asks)
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_their_rotation_is_noticed() {
        let (url, asks) = issuer(vec![set(&["one"]), set(&["one", "two"])]);
        let jwks = Jwks::new(&url).expect("a trusted address");
        for _ in 0..3 {
            assert!(jwks.with("one").await.expect("keys").contains("one"));
        }
        assert!(!jwks.with("two").await.expect("an answer of just now").contains("two"));
        assert_eq!(asks.try_iter().count(), 1);
        jwks.kept.lock().await.asked = Instant::now().checked_sub(MIN_AGE);
        assert!(jwks.with("two").await.expect("keys").contains("two"));
        assert_eq!(asks.try_iter().count(), 1);
    }

    #[tokio::test]
    async fn an_issuer_that_talks_nonsense_changes_nothing() {
        for nonsense in [String::from("<html>"), set(&["one"]) + &" ".repeat(MAX_BYTES)] {
            let (url, asks) = issuer(vec![nonsense, set(&["one"])]);
            let jwks = Jwks::new(&url).expect("a trusted address");
            assert!(jwks.with("one").await.is_err());
            // Not asked again at once.
            assert!(jwks.with("one").await.is_err());
            assert_eq!(asks.try_iter().count(), 1);
            jwks.kept.lock().await.asked = None;
            assert!(jwks.with("one").await.expect("keys").contains("one"));
        }
    }
}
