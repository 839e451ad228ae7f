//! One attempt at a job, and what becomes of the job after it.

use std::time::Duration;

use bulkhead_runtime::chain;
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_stores::{
    Backoff, Breaker, CircuitPolicy, Decision, Job, Moment, Moved, Outcome, Run, Settled, StoreError,
    TenantSession, Why,
};
use bulkhead_tenancy::names::Revision;

use crate::index::{Indexed, Means, index};

/// Attempts that may fail, or end without a word, before a job is given up.
const MAX_ATTEMPTS: u32 = 5;
/// Attempts that AWS may spoil.
const MAX_FAULTS: u32 = 20;
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(5), ceiling: Duration::from_secs(10 * 60) };
const TOO_SLOW: &str = "reading the document takes too long";
const NO_ANSWER: &str = "indexing ended without an answer, again and again";

/// Content that may come while a job is being done, in one run.
const MOST_LOOKS: usize = 4;

/// Works on `job`, unless its tenant's circuit is open.
///
/// # Errors
/// [`StoreError`] where what became of the job cannot be written. Its lease ends then, and it
/// is found again.
pub(crate) async fn attempt(
    session: TenantSession<'_>,
    job: Job,
    circuit: CircuitPolicy,
    means: Means<'_>,
) -> Result<(), StoreError> {
    let breaker = session.breaker(circuit);
    let mut decision = breaker.admit().await?;
    if let (Decision::Run(run), true) = (&decision, job.is_unheard()) {
        // Whoever had it ended without a word: that is a failure too. Without counting it, a tenant
        // whose jobs hang would keep its workers for ever.
        failed(session, &breaker, run).await?;
        decision = breaker.admit().await?;
    }
    let job = job.heard();
    let run = match decision {
        Decision::Run(run) => run,
        Decision::Parked(until) => return put_aside(session, &job, until).await,
    };
    if job.attempts() >= MAX_ATTEMPTS {
        // Its last attempt was counted above. A probe that is not made is given back.
        breaker.record(&run, Outcome::Inconclusive).await?;
        bury(session, &job, job.reason().unwrap_or(NO_ANSWER), None).await?;
        return Ok(());
    }
    let Moved::There(job) = session.jobs().begin(&job, circuit.lease).await? else { return Ok(()) };
    for _ in 0..MOST_LOOKS {
        match index(session, job.document(), means).await {
            Ok(Indexed::Settled { revision, worked }) => {
                // What somebody else had done before says nothing about now.
                if worked {
                    breaker.succeeded(&run).await?;
                } else {
                    breaker.record(&run, Outcome::Inconclusive).await?;
                }
                match session.jobs().settle(&job, revision).await? {
                    Settled::Done | Settled::Elsewhere => return Ok(()),
                    Settled::MoreCame => {}
                }
            }
            Ok(Indexed::Gone) => return session.jobs().finish(&job).await,
            Ok(Indexed::Unreadable(revision, reason)) => {
                failed(session, &breaker, &run).await?;
                if bury(session, &job, &reason, Some(revision)).await? {
                    return Ok(());
                }
            }
            Ok(Indexed::Slow) => {
                let why = Why { reason: TOO_SLOW, excused: false };
                return again_or_never(session, &breaker, &run, &job, why).await;
            }
            Ok(Indexed::Unfinished(delay)) => {
                // Getting somewhere is a success; waiting for one's turn says nothing.
                if delay.is_zero() {
                    breaker.succeeded(&run).await?;
                } else {
                    breaker.record(&run, Outcome::Inconclusive).await?;
                }
                return pause(session, &job, delay).await;
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), document = %job.document(), "an attempt failed");
                metrics::count_failure(&error, About { tenant: Some(session.tenant()), request_id: None });
                let why = Why { reason: in_words(&error), excused: !is_the_tenants(&error) };
                return again_or_never(session, &breaker, &run, &job, why).await;
            }
        }
    }
    pause(session, &job, Duration::ZERO).await
}

async fn pause(session: TenantSession<'_>, job: &Job, delay: Duration) -> Result<(), StoreError> {
    gone_or_not(session, job, session.jobs().pause(job, delay).await?).await
}

/// Lets the job wait without an attempt.
pub(crate) async fn put_aside(
    session: TenantSession<'_>,
    job: &Job,
    until: Moment,
) -> Result<(), StoreError> {
    gone_or_not(session, job, session.jobs().park(job, until).await?).await
}

/// A job whose document is gone has nothing left to do: deleting it cleans up.
async fn gone_or_not(session: TenantSession<'_>, job: &Job, moved: Moved) -> Result<(), StoreError> {
    match moved {
        Moved::DocumentGone => session.jobs().finish(job).await,
        Moved::There(_) | Moved::Elsewhere | Moved::MoreCame => Ok(()),
    }
}

/// After an attempt that failed.
async fn again_or_never(
    session: TenantSession<'_>,
    breaker: &Breaker<'_>,
    run: &Run,
    job: &Job,
    why: Why<'_>,
) -> Result<(), StoreError> {
    let Why { reason, excused } = why;
    if excused {
        breaker.record(run, Outcome::Inconclusive).await?;
    } else {
        failed(session, breaker, run).await?;
    }
    let tried = if excused { job.faults().saturating_add(1) } else { job.attempts() };
    let again =
        if excused { tried < MAX_FAULTS } else { tried < MAX_ATTEMPTS && breaker.spend_retry().await? };
    if !again {
        bury(session, job, reason, None).await?;
        return Ok(());
    }
    let delay = BACKOFF.delay(tried, fastrand::u64(..));
    let moved = session.jobs().retry(job, delay, why).await?;
    gone_or_not(session, job, moved).await
}

/// Records a failure that is the tenant's.
async fn failed(session: TenantSession<'_>, breaker: &Breaker<'_>, run: &Run) -> Result<(), StoreError> {
    if breaker.record(run, Outcome::Failure).await? {
        let about = About { tenant: Some(session.tenant()), request_id: None };
        metrics::count(Counter::CircuitOpened, "jobs_fail", about);
        tracing::warn!(tenant = %session.tenant(), "the tenant's jobs are put aside for a while");
    }
    Ok(())
}

/// Gives the job up. `false` where newer content came than the reason is about.
async fn bury(
    session: TenantSession<'_>,
    job: &Job,
    reason: &str,
    about: Option<Revision>,
) -> Result<bool, StoreError> {
    let moved = session.jobs().bury(job, reason, about).await?;
    match moved {
        Moved::There(_) => {
            let about = About { tenant: Some(session.tenant()), request_id: None };
            metrics::count(Counter::JobDead, "given_up", about);
            tracing::warn!(document = %job.document(), reason, "a job was given up");
        }
        Moved::MoreCame => return Ok(false),
        Moved::DocumentGone | Moved::Elsewhere => gone_or_not(session, job, moved).await?,
    }
    Ok(true)
}

/// Whether a failure says something about the tenant, rather than about AWS or us.
fn is_the_tenants(error: &StoreError) -> bool {
    !error.is_transient() && !matches!(error, StoreError::Denied { .. })
}

/// Why an attempt failed, for the document's owner: what it can do something about.
fn in_words(error: &StoreError) -> &'static str {
    match error {
        StoreError::KeyUnusable { .. } => "the key of this tenant cannot be used",
        error if error.is_transient() => "a service that indexing needs was busy",
        _ => "a fault on our side",
    }
}
