use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::Timestamp;
use bulkhead_resilience::circuit::{Change, Circuit, Decision, Outcome, Permit, Policy, State};
use bulkhead_resilience::retry::Budget;

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, key_attributes};
use crate::session::TenantSession;

/// Maximum optimistic-lock attempts before an update fails with [`StoreError::Conflict`]. One of the
/// concurrent writers always wins, so this allows several times as many writers as a tenant has workers.
const MAX_ATTEMPTS: usize = 256;
const CIRCUIT: &str = "circuit";
const VERSION: &str = "version";
const BUDGET: &str = "budget";
const WRITE: &str = "write circuit";

/// Whether the tenant's circuit lets one job run.
#[derive(Debug)]
#[must_use]
pub enum CircuitDecision {
    /// The job may run. The caller must record its outcome.
    Run(JobPermit),
    /// The job must wait until the given time.
    Wait(Timestamp),
}

/// Permission of the circuit to run one job.
#[derive(Debug)]
pub struct JobPermit {
    permit: Permit,
    budget_is_full: bool,
}

/// The circuit over a tenant's jobs, and the tenant's retry budget. Stored as one item.
pub struct CircuitBreaker<'s> {
    session: TenantSession<'s>,
    policy: Policy,
}

struct Stored {
    circuit: Circuit,
    budget: Budget,
}

impl<'s> TenantSession<'s> {
    /// Returns the circuit over the tenant's jobs.
    pub fn circuit(&self, policy: Policy) -> CircuitBreaker<'s> {
        CircuitBreaker { session: *self, policy }
    }
}

impl CircuitBreaker<'_> {
    /// Decides whether a job may run. Costs one read, and one write for a probe.
    pub async fn admit(&self) -> Result<CircuitDecision, StoreError> {
        let mut stored = self.read().await?;
        for _ in 0..MAX_ATTEMPTS {
            let budget_is_full = stored.budget == Budget::FULL;
            match self.policy.admit(&stored.circuit, clock::now_in_microseconds(), fastrand::u64(..)) {
                Decision::Run(permit) => {
                    return Ok(CircuitDecision::Run(JobPermit { permit, budget_is_full }));
                }
                Decision::Wait { until } => return Ok(CircuitDecision::Wait(until)),
                Decision::Probe(probe) => {
                    self.write(probe.change()).await?;
                    stored = self.read().await?;
                    if let Some(permit) = probe.granted(&stored.circuit) {
                        return Ok(CircuitDecision::Run(JobPermit { permit, budget_is_full }));
                    }
                }
            }
        }
        Ok(CircuitDecision::Wait(clock::now_in_microseconds()))
    }

    /// Records how a job ended, and returns whether that opened the circuit.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other processes win every race. Nothing is recorded on an error.
    pub async fn record(&self, permit: &JobPermit, outcome: Outcome) -> Result<bool, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.read().await?;
            let change = self.policy.record(
                &stored.circuit,
                permit.permit,
                outcome,
                clock::now_in_microseconds(),
                fastrand::u64(..),
            );
            let Some(change) = change else { return Ok(false) };
            if self.write(&change).await? {
                return Ok(matches!(change.to().state(), State::Open { .. }));
            }
        }
        Err(StoreError::Conflict { operation: WRITE })
    }

    /// Records a success: closes the circuit if the job was its probe, and refills the retry budget.
    pub async fn record_success(&self, permit: &JobPermit) -> Result<(), StoreError> {
        // Costs one read for a healthy tenant.
        self.record(permit, Outcome::Success).await?;
        if !permit.budget_is_full {
            self.update_budget(|budget| {
                budget.earn();
                true
            })
            .await?;
        }
        Ok(())
    }

    /// Takes one retry from the tenant's budget, and returns whether one was left.
    pub async fn spend_retry(&self) -> Result<bool, StoreError> {
        self.update_budget(Budget::spend).await
    }

    /// Returns how many of `wanted` waiting jobs may run now: all if the circuit is Closed, one if it needs
    /// a probe, none while it is Open.
    pub async fn allowed(&self, wanted: u16) -> Result<u16, StoreError> {
        let circuit = self.read().await?.circuit;
        Ok(match circuit.state() {
            State::Closed { .. } => wanted,
            _ if self.policy.waits_until(&circuit, clock::now_in_microseconds()).is_some() => 0,
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

    /// Writes `change` if the stored circuit has not changed, and returns whether it did.
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

    /// Changes the budget, and returns whether `change` applied. Repeats after a lost race.
    async fn update_budget(&self, change: fn(&mut Budget) -> bool) -> Result<bool, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
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
