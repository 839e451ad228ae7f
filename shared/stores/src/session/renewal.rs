//! Caches a session's credentials: renews them before they expire and keeps them while STS is down.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, future};
use aws_smithy_async::time::SharedTimeSource;

use crate::error::denied_by_sts;

/// Renewal begins this long before the credentials expire, or when a third of their lifetime is left,
/// whichever is later. Longer than the lifetime of an upload URL, because a signed URL expires with the
/// credentials that signed it.
const RENEW_BEFORE: Duration = Duration::from_secs(1_200);
/// Credentials are not used for this last part of their lifetime, because the call must reach AWS in time.
const UNUSABLE: Duration = Duration::from_secs(1);
/// Longest wait of a request for a renewal while the old credentials are still valid.
const MAX_WAIT: Duration = Duration::from_millis(800);
/// Pause after a failed renewal while the old credentials are still valid.
const PAUSE: Duration = Duration::from_secs(5);

/// One session's credentials.
///
/// During a renewal, other requests use the old credentials, and the renewing request waits at most
/// `MAX_WAIT`. An outage of STS has an effect only if the credentials expire during it. A refusal by STS
/// takes effect at once, because it may mean that the tenant is no longer served.
pub(super) struct Renewing<S> {
    source: S,
    clock: SharedTimeSource,
    kept: Mutex<Option<Kept>>,
    renewal: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    credentials: Credentials,
    ends: SystemTime,
    renew_at: SystemTime,
}

impl<S: ProvideCredentials> Renewing<S> {
    pub(super) fn new(source: S, clock: SharedTimeSource) -> Self {
        Self { source, clock, kept: Mutex::new(None), renewal: tokio::sync::Mutex::new(()) }
    }

    /// Returns valid credentials.
    async fn credentials(&self) -> Result {
        if let Some(kept) = self.usable().filter(|kept| self.clock.now() < kept.renew_at) {
            return Ok(kept.credentials);
        }
        let _renewing = match self.renewal.try_lock() {
            Ok(renewing) => renewing,
            Err(_) => match self.usable() {
                Some(kept) => return Ok(kept.credentials),
                None => self.renewal.lock().await,
            },
        };
        // Another request may have renewed them.
        if let Some(kept) = self.usable().filter(|kept| self.clock.now() < kept.renew_at) {
            return Ok(kept.credentials);
        }
        let renewed = self.source.provide_credentials();
        let renewed = match self.usable() {
            None => renewed.await,
            Some(_) => tokio::time::timeout(MAX_WAIT, renewed)
                .await
                .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(MAX_WAIT))),
        };
        match (renewed, self.usable()) {
            (Ok(new), _) => self.keep(new),
            (Err(error), Some(kept)) if !denied_by_sts(&error) => {
                tracing::warn!(%error, "session renewal failed, credentials still valid");
                let renew_at = self.clock.now() + PAUSE;
                self.store(Kept { renew_at, ..kept.clone() });
                Ok(kept.credentials)
            }
            (Err(error), _) => {
                self.forget();
                Err(error)
            }
        }
    }

    fn keep(&self, credentials: Credentials) -> Result {
        let ends = credentials
            .expiry()
            .ok_or_else(|| CredentialsError::unhandled("session credentials without an expiry"))?;
        let now = self.clock.now();
        let life = ends.duration_since(now).unwrap_or_default();
        let renew_at = ends - RENEW_BEFORE.min(life / 3);
        self.store(Kept { credentials: credentials.clone(), ends, renew_at });
        Ok(credentials)
    }

    fn usable(&self) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| self.clock.now() + UNUSABLE < kept.ends).cloned()
    }

    fn store(&self, kept: Kept) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<S> fmt::Debug for Renewing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewing")
    }
}

impl<S: ProvideCredentials> ProvideCredentials for Renewing<S> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use aws_smithy_async::test_util::ManualTimeSource;
    use aws_smithy_async::time::TimeSource;

    use super::*;
    use crate::error::DeniedBySts;

    const HOUR: Duration = Duration::from_secs(3_600);
    const MINUTE: Duration = Duration::from_secs(60);

    enum Sts {
        Gives(&'static str, Duration),
        IsDown,
        IsSilent,
        Denies,
    }

    /// Returns the given answers in order. A further call fails the test.
    #[derive(Clone)]
    struct Script {
        clock: ManualTimeSource,
        answers: Arc<Mutex<VecDeque<Sts>>>,
    }

    impl fmt::Debug for Script {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Script")
        }
    }

    impl ProvideCredentials for Script {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let answer = self.answers.lock().expect("answers").pop_front().expect("no further call of STS");
            future::ProvideCredentials::new(async move {
                // Other requests run during the call.
                tokio::task::yield_now().await;
                match answer {
                    Sts::Gives(key, life) => {
                        Ok(Credentials::new(key, "secret", None, Some(self.clock.now() + life), "test"))
                    }
                    Sts::IsSilent => std::future::pending().await,
                    Sts::IsDown => Err(CredentialsError::provider_error("503")),
                    Sts::Denies => Err(CredentialsError::provider_error(DeniedBySts::because("no"))),
                }
            })
        }
    }

    struct Session {
        clock: ManualTimeSource,
        answers: Arc<Mutex<VecDeque<Sts>>>,
        renewing: Renewing<Script>,
    }

    fn session(answers: impl IntoIterator<Item = Sts>) -> Session {
        let clock = ManualTimeSource::new(SystemTime::UNIX_EPOCH + HOUR);
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let script = Script { clock: clock.clone(), answers: Arc::clone(&answers) };
        let renewing = Renewing::new(script, SharedTimeSource::new(clock.clone()));
        Session { clock, answers, renewing }
    }

    impl Session {
        async fn key(&self) -> Option<String> {
            self.renewing.credentials().await.ok().map(|found| found.access_key_id().to_owned())
        }

        fn later(&self, by: Duration) {
            self.clock.advance(by);
        }

        fn remaining_answers(&self) -> usize {
            self.answers.lock().expect("answers").len()
        }
    }

    #[tokio::test]
    async fn credentials_are_renewed_with_a_third_of_their_hour_left() {
        let session = session([Sts::Gives("one", HOUR), Sts::Gives("two", HOUR)]);
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(40 * MINUTE - Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("two"));
    }

    #[tokio::test]
    async fn credentials_are_valid_at_all_times_over_many_renewals() {
        let life = Duration::from_secs(6);
        let session = session((0..40).map(|_| Sts::Gives("any", life)));
        for _ in 0..1_000 {
            let found = session.renewing.credentials().await.expect("credentials");
            assert!(found.expiry().is_some_and(|ends| session.clock.now() < ends));
            session.later(Duration::from_millis(100));
        }
        assert_eq!(40 - session.remaining_answers(), 25, "one renewal every four of six seconds");
    }

    #[tokio::test]
    async fn an_outage_of_sts_has_no_effect_while_credentials_are_valid() {
        let session = session([
            Sts::Gives("one", HOUR),
            Sts::IsDown,
            Sts::IsDown,
            Sts::IsDown,
            Sts::Gives("two", HOUR),
        ]);
        session.key().await;
        session.later(41 * MINUTE);
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(PAUSE - Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("one"));
        assert_eq!(session.remaining_answers(), 3, "no call during the pause");
        session.later(Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(19 * MINUTE);
        assert_eq!(session.key().await, None, "expired");
        assert_eq!(session.key().await.as_deref(), Some("two"), "called again at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_sts_delays_a_request_by_the_longest_wait_only() {
        let session = session([Sts::Gives("one", HOUR), Sts::IsSilent, Sts::Gives("two", HOUR)]);
        session.key().await;
        session.later(41 * MINUTE);
        let began = tokio::time::Instant::now();
        assert_eq!(session.key().await.as_deref(), Some("one"));
        assert_eq!(began.elapsed(), MAX_WAIT);
        session.later(PAUSE);
        assert_eq!(session.key().await.as_deref(), Some("two"));
    }

    #[tokio::test]
    async fn a_refusal_ends_the_session_even_with_valid_credentials() {
        let session = session([Sts::Gives("one", HOUR), Sts::Denies, Sts::Denies]);
        session.key().await;
        session.later(41 * MINUTE);
        assert_eq!(session.key().await, None);
        assert_eq!(session.key().await, None);
        assert_eq!(session.remaining_answers(), 0);
    }

    #[tokio::test]
    async fn concurrent_requests_renew_once() {
        let session = session([Sts::Gives("one", HOUR)]);
        let together = futures::future::join_all((0..50).map(|_| session.key())).await;
        assert!(together.iter().all(|key| key.as_deref() == Some("one")));
    }
}
