//! Keeping a session's credentials: renewed before they end, kept while STS is down.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, future};
use aws_smithy_async::time::SharedTimeSource;

use super::credentials::denied_by_sts;

/// Renewal begins this long before credentials end, or when a third of their life is
/// left, whichever is later. Longer than an upload URL is good for: a signed URL ends
/// with the credentials that signed it.
const RENEW_BEFORE: Duration = Duration::from_secs(1_200);
/// Credentials are not handed out for their last moments: the call has to arrive, too.
const UNUSABLE: Duration = Duration::from_secs(1);
/// Longest that a request waits for a renewal while the old credentials would do.
const PATIENCE: Duration = Duration::from_millis(800);
/// STS is left alone for this long after it failed, while old credentials are still good.
const PAUSE: Duration = Duration::from_secs(5);

/// One session's credentials.
///
/// Requests that come while they are renewed go on with the old ones, and the one that
/// renews them waits a moment only. An outage of STS is noticed only where credentials end
/// during it; a refusal by STS is passed on at once,
/// since it may mean that this tenant is not to be served any more.
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

    /// Returns credentials that are good now.
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
        // Somebody else may have been first.
        if let Some(kept) = self.usable().filter(|kept| self.clock.now() < kept.renew_at) {
            return Ok(kept.credentials);
        }
        let renewed = self.source.provide_credentials();
        let renewed = match self.usable() {
            None => renewed.await,
            Some(_) => tokio::time::timeout(PATIENCE, renewed)
                .await
                .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(PATIENCE))),
        };
        match (renewed, self.usable()) {
            (Ok(new), _) => self.keep(new),
            (Err(error), Some(kept)) if !denied_by_sts(&error) => {
                tracing::warn!(%error, "a session was not renewed; its credentials are still good");
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
            .ok_or_else(|| CredentialsError::unhandled("credentials of a session without an end"))?;
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

    use super::super::credentials::DeniedBySts;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const MINUTE: Duration = Duration::from_secs(60);

    enum Sts {
        Gives(&'static str, Duration),
        IsDown,
        IsSilent,
        Denies,
    }

    /// Answers as told, in order; further calls are a failure of the test.
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
            let answer = self.answers.lock().expect("answers").pop_front().expect("STS is not asked again");
            future::ProvideCredentials::new(async move {
                // A call takes a while, and others come meanwhile.
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

        fn unasked(&self) -> usize {
            self.answers.lock().expect("answers").len()
        }
    }

    #[tokio::test]
    async fn credentials_are_kept_until_a_third_of_their_hour_is_left() {
        let session = session([Sts::Gives("one", HOUR), Sts::Gives("two", HOUR)]);
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(40 * MINUTE - Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("two"));
    }

    #[tokio::test]
    async fn no_moment_of_many_lives_is_without_good_credentials() {
        let life = Duration::from_secs(6);
        let session = session((0..40).map(|_| Sts::Gives("any", life)));
        for _ in 0..1_000 {
            let found = session.renewing.credentials().await.expect("credentials");
            assert!(found.expiry().is_some_and(|ends| session.clock.now() < ends));
            session.later(Duration::from_millis(100));
        }
        assert_eq!(40 - session.unasked(), 25, "one renewal every four of six seconds");
    }

    #[tokio::test]
    async fn an_outage_of_sts_is_not_noticed_while_credentials_are_good() {
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
        assert_eq!(session.unasked(), 3, "STS is left alone for a while");
        session.later(Duration::from_secs(1));
        assert_eq!(session.key().await.as_deref(), Some("one"));
        session.later(19 * MINUTE);
        assert_eq!(session.key().await, None, "they have ended");
        assert_eq!(session.key().await.as_deref(), Some("two"), "asked again at once");
    }

    #[tokio::test(start_paused = true)]
    async fn an_sts_that_does_not_answer_is_not_waited_for_while_credentials_are_good() {
        let session = session([Sts::Gives("one", HOUR), Sts::IsSilent, Sts::Gives("two", HOUR)]);
        session.key().await;
        session.later(41 * MINUTE);
        let began = tokio::time::Instant::now();
        assert_eq!(session.key().await.as_deref(), Some("one"));
        assert_eq!(began.elapsed(), PATIENCE);
        session.later(PAUSE);
        assert_eq!(session.key().await.as_deref(), Some("two"));
    }

    #[tokio::test]
    async fn a_refusal_ends_the_session_though_its_credentials_were_good() {
        let session = session([Sts::Gives("one", HOUR), Sts::Denies, Sts::Denies]);
        session.key().await;
        session.later(41 * MINUTE);
        assert_eq!(session.key().await, None);
        assert_eq!(session.key().await, None);
        assert_eq!(session.unasked(), 0);
    }

    #[tokio::test]
    async fn those_who_come_together_ask_once() {
        let session = session([Sts::Gives("one", HOUR)]);
        let together = futures::future::join_all((0..50).map(|_| session.key())).await;
        assert!(together.iter().all(|key| key.as_deref() == Some("one")));
    }
}
