//! One attempt at a job, and the move of the job after it.

use std::time::Duration;

use bulkhead_runtime::chain;
use bulkhead_runtime::metrics::{self, Counter, Subject};
use bulkhead_stores::{
    AttemptFailure, Backoff, CircuitBreaker, CircuitDecision, CircuitPolicy, Completion, Job, JobPermit,
    Outcome, StoreError, TenantSession, Transition, WaitingReason,
};
use bulkhead_tenancy::names::Revision;

use crate::index::{Context, IndexOutcome, index};

/// Maximum attempts that fail or crash before the job is dead.
const MAX_ATTEMPTS: u32 = 5;
/// Maximum attempts that fail because of AWS.
const MAX_AWS_FAILURES: u32 = 20;
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(5), ceiling: Duration::from_secs(10 * 60) };
const NO_ANSWER: &str = "the service that reads documents did not answer";
const CRASHED: &str = "indexing crashed in every attempt";

/// Maximum times that one invocation reads the document again because a newer revision arrived.
const MAX_REREADS: usize = 4;

/// Works on `job`, unless the tenant's circuit is open.
///
/// # Errors
/// [`StoreError`] if the job's move cannot be written. Its lease then ends, and the scheduler requeues it.
pub(crate) async fn attempt(
    session: TenantSession<'_>,
    job: Job,
    policy: CircuitPolicy,
    context: Context<'_>,
) -> Result<(), StoreError> {
    let circuit = session.circuit(policy);
    let mut decision = circuit.admit().await?;
    if let (CircuitDecision::Run(permit), true) = (&decision, job.has_crashed()) {
        // A crash counts as a failure. Otherwise a tenant whose jobs hang would occupy its workers forever.
        record_failure(session, &circuit, permit).await?;
        decision = circuit.admit().await?;
    }
    let job = job.acknowledge_crash();
    let permit = match decision {
        CircuitDecision::Run(permit) => permit,
        CircuitDecision::Wait(until) => {
            let moved = session.jobs().defer(&job, until, WaitingReason::CircuitOpen).await?;
            return discard_if_deleted(session, &job, moved).await;
        }
    };
    if job.attempts() >= MAX_ATTEMPTS {
        // The failure of the last attempt is recorded above. An unused probe is returned.
        circuit.record(&permit, Outcome::Inconclusive).await?;
        dead_letter(session, &job, job.last_error().unwrap_or(CRASHED), None).await?;
        return Ok(());
    }
    let Transition::Applied(job) = session.jobs().start(&job, policy.lease).await? else { return Ok(()) };
    for _ in 0..MAX_REREADS {
        match index(session, job.document(), context).await {
            Ok(IndexOutcome::Searchable { revision, worked }) => {
                // If another worker did the work, the success says nothing about this attempt.
                if worked {
                    circuit.record_success(&permit).await?;
                } else {
                    circuit.record(&permit, Outcome::Inconclusive).await?;
                }
                match session.jobs().complete(&job, revision).await? {
                    Completion::Done | Completion::LostRace => return Ok(()),
                    Completion::Superseded => {}
                }
            }
            Ok(IndexOutcome::Deleted) => {
                if session.jobs().discard(&job).await? {
                    return Ok(());
                }
            }
            Ok(IndexOutcome::Unreadable(revision, reason)) => {
                // Not a failure of the circuit: the job fails once, and a retry would not help.
                circuit.record(&permit, Outcome::Inconclusive).await?;
                if dead_letter(session, &job, &reason, Some(revision)).await? {
                    return Ok(());
                }
            }
            Ok(IndexOutcome::NoAnswer) => {
                let failure = AttemptFailure { error: NO_ANSWER, caused_by_aws: true };
                return retry_or_dead_letter(session, &circuit, &permit, &job, failure).await;
            }
            Ok(IndexOutcome::Unfinished(delay)) => {
                // Progress is a success. Waiting for the embedding rate is inconclusive.
                if delay.is_zero() {
                    circuit.record_success(&permit).await?;
                } else {
                    circuit.record(&permit, Outcome::Inconclusive).await?;
                }
                return continue_later(session, &job, delay).await;
            }
            Ok(IndexOutcome::OverBudget(delay)) => {
                circuit.record(&permit, Outcome::Inconclusive).await?;
                let moved = session.jobs().wait_for_budget(&job, delay).await?;
                return discard_if_deleted(session, &job, moved).await;
            }
            Err(error) => {
                tracing::warn!(tenant = %session.tenant(), document = %job.document(), error = chain(&error), "attempt failed");
                metrics::count_failure(&error, Subject { tenant: Some(session.tenant()), request_id: None });
                let failure = AttemptFailure {
                    error: user_message(&error),
                    caused_by_aws: !is_caused_by_tenant(&error),
                };
                return retry_or_dead_letter(session, &circuit, &permit, &job, failure).await;
            }
        }
    }
    continue_later(session, &job, Duration::ZERO).await
}

async fn continue_later(session: TenantSession<'_>, job: &Job, delay: Duration) -> Result<(), StoreError> {
    let moved = session.jobs().continue_later(job, delay).await?;
    discard_if_deleted(session, job, moved).await
}

/// Discards the job if its document is deleted.
///
/// After a lost race too: another worker may have discarded the job before this one wrote its last passages.
async fn discard_if_deleted(
    session: TenantSession<'_>,
    job: &Job,
    moved: Transition,
) -> Result<(), StoreError> {
    match moved {
        Transition::DocumentDeleted | Transition::LostRace => session.jobs().discard(job).await.map(drop),
        Transition::Applied(_) | Transition::Superseded => Ok(()),
    }
}

/// Records a failed attempt and moves the job: to `waiting` if an attempt and a retry are left, otherwise to
/// the dead letters.
async fn retry_or_dead_letter(
    session: TenantSession<'_>,
    circuit: &CircuitBreaker<'_>,
    permit: &JobPermit,
    job: &Job,
    failure: AttemptFailure<'_>,
) -> Result<(), StoreError> {
    let AttemptFailure { error, caused_by_aws } = failure;
    if caused_by_aws {
        circuit.record(permit, Outcome::Inconclusive).await?;
    } else {
        record_failure(session, circuit, permit).await?;
    }
    let tried = if caused_by_aws { job.aws_failures().saturating_add(1) } else { job.attempts() };
    let retry = if caused_by_aws {
        tried < MAX_AWS_FAILURES
    } else {
        tried < MAX_ATTEMPTS && circuit.spend_retry().await?
    };
    if !retry {
        dead_letter(session, job, error, None).await?;
        return Ok(());
    }
    let delay = BACKOFF.delay(tried, fastrand::u64(..));
    let moved = session.jobs().retry(job, delay, failure).await?;
    discard_if_deleted(session, job, moved).await
}

/// Records a failure that the tenant's data or key caused.
async fn record_failure(
    session: TenantSession<'_>,
    circuit: &CircuitBreaker<'_>,
    permit: &JobPermit,
) -> Result<(), StoreError> {
    if circuit.record(permit, Outcome::Failure).await? {
        let subject = Subject { tenant: Some(session.tenant()), request_id: None };
        metrics::count(Counter::CircuitOpened, "jobs_fail", subject);
        tracing::warn!(tenant = %session.tenant(), "circuit opened");
    }
    Ok(())
}

/// Moves the job to the dead letters. Returns `false` if `revision` is given and a newer revision arrived.
async fn dead_letter(
    session: TenantSession<'_>,
    job: &Job,
    error: &str,
    revision: Option<Revision>,
) -> Result<bool, StoreError> {
    let moved = session.jobs().dead_letter(job, error, revision).await?;
    match moved {
        Transition::Applied(_) => {
            let subject = Subject { tenant: Some(session.tenant()), request_id: None };
            metrics::count(Counter::JobDead, "dead", subject);
            tracing::warn!(tenant = %session.tenant(), document = %job.document(), error, "job dead");
        }
        Transition::Superseded => return Ok(false),
        Transition::DocumentDeleted | Transition::LostRace => {
            discard_if_deleted(session, job, moved).await?;
        }
    }
    Ok(true)
}

/// Returns whether the tenant's data or key caused the failure, and not AWS or a missing right.
fn is_caused_by_tenant(error: &StoreError) -> bool {
    !error.is_transient() && !matches!(error, StoreError::Denied { .. })
}

/// Returns why an attempt failed, in words for the document's owner.
fn user_message(error: &StoreError) -> &'static str {
    match error {
        StoreError::KeyUnusable { .. } => "the tenant's encryption key is disabled or scheduled for deletion",
        error if error.is_transient() => "a service that indexing needs was unavailable",
        _ => "internal error",
    }
}
