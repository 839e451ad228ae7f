use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::Instant;
use bulkhead_resilience::circuit::{Admission, Change, Circuit, Outcome, Permit, Policy, State};
use bulkhead_resilience::retry::Budget;
use jiff::Timestamp;

use super::items::{self, Item, key_attributes};
use crate::error::Classify;
use crate::{Moment, StoreError, TenantSession};

/// After so many writes that others were faster with, whoever wants to change the circuit gives
/// up. Of writers that come at once one is always the fastest, so this is for several times as
/// many of them as a tenant may have workers.
const ATTEMPTS: usize = 256;
const CIRCUIT: &str = "circuit";
const VERSION: &str = "version";
const BUDGET: &str = "budget";
const WRITE: &str = "write circuit";

/// What the circuit says of one job.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// It may run. How it ended has to be recorded.
    Run(Run),
    /// It may not before then.
    Parked(Moment),
}

/// A job that the circuit lets run.
#[derive(Debug)]
pub struct Run {
    permit: Permit,
    /// Whether there is something to refill.
    budget_short: bool,
}

/// The circuit over a tenant's jobs, and the budget of its retries.
pub struct Breaker<'s> {
    session: TenantSession<'s>,
    policy: Policy,
}

struct Stored {
    circuit: Circuit,
    budget: Budget,
}

impl<'s> Breaker<'s> {
    pub(crate) fn new(session: TenantSession<'s>, policy: Policy) -> Self {
        Self { session, policy }
    }

    /// Returns whether a job may run. Costs a read, and a write for a probe.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit(&self) -> Result<Decision, StoreError> {
        let mut stored = self.read().await?;
        for _ in 0..ATTEMPTS {
            let budget_short = stored.budget != Budget::FULL;
            match self.policy.admit(&stored.circuit, now(), fastrand::u64(..)) {
                Admission::Run(permit) => return Ok(Decision::Run(Run { permit, budget_short })),
                Admission::Parked { until } => return Ok(Decision::Parked(moment(until))),
                Admission::Probe(probe) => {
                    self.write(probe.change()).await?;
                    stored = self.read().await?;
                    if let Some(permit) = probe.granted(&stored.circuit) {
                        return Ok(Decision::Run(Run { permit, budget_short }));
                    }
                }
            }
        }
        Ok(Decision::Parked(Moment::now()))
    }

    /// Records how a job ended. Returns whether that opened the circuit.
    ///
    /// # Errors
    /// [`StoreError`], [`StoreError::Conflict`] where others are always faster. Nothing is recorded then.
    pub async fn record(&self, run: &Run, outcome: Outcome) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let stored = self.read().await?;
            let Some(change) =
                self.policy.record(&stored.circuit, run.permit, outcome, now(), fastrand::u64(..))
            else {
                return Ok(false);
            };
            if self.write(&change).await? {
                return Ok(matches!(change.to().state(), State::Open { .. }));
            }
        }
        Err(StoreError::Conflict { operation: WRITE })
    }

    /// Notes a success: closes the circuit where the job was its probe, refills the budget.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn succeeded(&self, run: &Run) -> Result<(), StoreError> {
        // A healthy tenant's success says nothing new, and costs no more than a read.
        self.record(run, Outcome::Success).await?;
        if run.budget_short {
            self.rebudget(|budget| {
                budget.earn();
                true
            })
            .await?;
        }
        Ok(())
    }

    /// Takes one retry from the tenant's budget. `false` where none is left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spend_retry(&self) -> Result<bool, StoreError> {
        self.rebudget(Budget::spend).await
    }

    /// Returns how many of `wanted` waiting jobs may go on now: all where the circuit is
    /// closed, one where it wants to be probed, none while it is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lets_through(&self, wanted: u16) -> Result<u16, StoreError> {
        Ok(match self.read().await?.circuit.state() {
            State::Closed { .. } => wanted,
            State::Open { until, .. } | State::HalfOpen { until, .. } if now() < *until => 0,
            State::Open { .. } | State::HalfOpen { .. } => wanted.min(1),
        })
    }

    async fn read(&self) -> Result<Stored, StoreError> {
        const OPERATION: &str = "read circuit";
        let item = items::get(&self.session, OPERATION, &self.session.scope().circuit_key()).await?;
        let Some(item) = item else {
            return Ok(Stored { circuit: Circuit::default(), budget: Budget::FULL });
        };
        let circuit = match item.get(CIRCUIT).and_then(|value| value.as_s().ok()) {
            Some(text) => serde_json::from_str(text)
                .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?,
            None => Circuit::default(),
        };
        Ok(Stored { circuit, budget: budget_of(&item) })
    }

    /// Writes `change` if nobody was faster, and says whether it did.
    async fn write(&self, change: &Change) -> Result<bool, StoreError> {
        let text = serde_json::to_string(change.to())
            .map_err(|error| StoreError::corrupt(WRITE, error.to_string()))?;
        let update = self
            .update()
            .update_expression("SET #circuit = :circuit, #version = :version")
            .expression_attribute_names("#circuit", CIRCUIT)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":circuit", AttributeValue::S(text))
            .expression_attribute_values(":version", number(change.to().version()));
        let update = match change.expects() {
            0 => update.condition_expression("attribute_not_exists(#version)"),
            expected => update
                .condition_expression("#version = :expected")
                .expression_attribute_values(":expected", number(expected)),
        };
        written(update.send().await.during(WRITE).map(drop))
    }

    /// Changes the budget, and says whether it could be. Somebody else's change first is no
    /// obstacle: it is decided again.
    async fn rebudget(&self, change: fn(&mut Budget) -> bool) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let item = items::get(&self.session, WRITE, &self.session.scope().circuit_key()).await?;
            let seen = item.as_ref().and_then(|item| item.get(BUDGET)).cloned();
            let mut budget = item.as_ref().map_or(Budget::FULL, budget_of);
            if !change(&mut budget) {
                return Ok(false);
            }
            let update = self
                .update()
                .update_expression("SET #budget = :budget")
                .expression_attribute_names("#budget", BUDGET)
                .expression_attribute_values(":budget", number(u64::from(budget.left())));
            let update = match seen {
                None => update.condition_expression("attribute_not_exists(#budget)"),
                Some(seen) => {
                    update.condition_expression("#budget = :seen").expression_attribute_values(":seen", seen)
                }
            };
            if written(update.send().await.during(WRITE).map(drop))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn update(&self) -> UpdateItemFluentBuilder {
        self.session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().circuit_key())))
    }
}

fn written(outcome: Result<(), StoreError>) -> Result<bool, StoreError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn budget_of(item: &Item) -> Budget {
    let left = item.get(BUDGET).and_then(|value| value.as_n().ok()?.parse().ok());
    left.map_or(Budget::FULL, Budget::of)
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn now() -> Instant {
    Instant(Timestamp::now().as_microsecond())
}

/// Rounded up: not a moment too early.
fn moment(instant: Instant) -> Moment {
    let milliseconds = instant.0.saturating_add(999).div_euclid(1_000);
    Moment::from_millisecond(u64::try_from(milliseconds).unwrap_or(0))
}
