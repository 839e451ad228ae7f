use std::num::NonZeroU8;
use std::time::Duration;

use super::{Change, Circuit, Decision, Failure, Outcome, Permit, Probe, State};
use crate::timestamp::microseconds;
use crate::{MAX_CLOCK_SKEW, Timestamp};

/// When a circuit opens, and for how long it stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The number of failures that opens the circuit.
    pub failures: NonZeroU8,
    /// The failures count if they lie within this time, both ends included.
    pub window: Duration,
    /// The longest first cool-down. Doubles with each failed probe.
    pub cool_down: Duration,
    /// The longest cool-down after any number of failed probes.
    pub ceiling: Duration,
    /// A probe that has not reported after this time counts as crashed.
    pub lease: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            failures: NonZeroU8::MIN.saturating_add(10),
            window: Duration::from_secs(5 * MINUTE),
            cool_down: Duration::from_secs(30),
            ceiling: Duration::from_secs(15 * MINUTE),
            lease: Duration::from_secs(3 * MINUTE),
        }
    }
}

impl Policy {
    /// Decides whether one job may run, based on the circuit as it was read. `random` identifies the
    /// permit: no two jobs use the same value.
    pub fn admit(&self, circuit: &Circuit, now: Timestamp, random: u64) -> Decision {
        let failed_probes = match circuit.state() {
            State::Closed { .. } => return Decision::Run(Permit { epoch: circuit.epoch(), id: random }),
            State::Open { failed_probes, .. } | State::HalfOpen { failed_probes, .. } => *failed_probes,
        };
        if let Some(until) = self.waits_until(circuit, now) {
            return Decision::Wait { until };
        }
        let until = now.after(self.lease);
        let change = circuit.transition(State::HalfOpen { probe: random, until, failed_probes });
        Decision::Probe(Probe { change, permit: Permit { epoch: circuit.next_epoch(), id: random } })
    }

    /// Returns until when no job may run; `None` if a job may run or probe now.
    ///
    /// An end that lies further ahead than any process could have written is damage: it counts as past.
    pub fn waits_until(&self, circuit: &Circuit, now: Timestamp) -> Option<Timestamp> {
        let (until, longest) = match circuit.state() {
            State::Closed { .. } => return None,
            State::Open { until, .. } => (*until, self.ceiling),
            State::HalfOpen { until, .. } => (*until, self.lease),
        };
        let possible = now.after(longest.saturating_add(MAX_CLOCK_SKEW));
        (now < until && until <= possible).then_some(until)
    }

    /// Records how the job of `permit` ended, based on the circuit as it was read. Returns the change
    /// to write, if any. `random` selects the cool-down.
    pub fn record(
        &self,
        circuit: &Circuit,
        permit: Permit,
        outcome: Outcome,
        now: Timestamp,
        random: u64,
    ) -> Option<Change> {
        if permit.epoch != circuit.epoch() {
            return None;
        }
        let open = |failed_probes| {
            let until = now.after(self.draw(failed_probes, random));
            circuit.transition(State::Open { until, failed_probes })
        };
        match (circuit.state(), outcome) {
            (State::Closed { failures }, Outcome::Failure) => {
                if failures.iter().any(|failure| failure.id == permit.id) {
                    return None;
                }
                let failures = self.within_window(failures, Failure { at: now, id: permit.id });
                if failures.len() >= usize::from(self.failures.get()) {
                    return Some(open(0));
                }
                Some(circuit.update(State::Closed { failures }))
            }
            (State::HalfOpen { probe, failed_probes, .. }, _) if *probe == permit.id => Some(match outcome {
                Outcome::Success => circuit.transition(State::default()),
                Outcome::Failure => open(failed_probes.saturating_add(1)),
                Outcome::Inconclusive => open(*failed_probes),
            }),
            _ => None,
        }
    }

    /// Returns the failures within the window of `latest`, including `latest`.
    fn within_window(&self, failures: &[Failure], latest: Failure) -> Vec<Failure> {
        let apart = |failure: &Failure| latest.at.since(failure.at).max(failure.at.since(latest.at));
        let near = failures.iter().copied().filter(|failure| apart(failure) <= self.window);
        near.chain([latest]).collect()
    }

    /// Returns a cool-down with full jitter: each value from 0 to the longest is equally likely.
    fn draw(&self, failed_probes: u32, random: u64) -> Duration {
        let doubled = self.cool_down.saturating_mul(2_u32.saturating_pow(failed_probes));
        let longest = microseconds(doubled.min(self.ceiling));
        let drawn = (u128::from(random) * (u128::from(longest.unsigned_abs()) + 1)) >> u64::BITS;
        Duration::from_micros(u64::try_from(drawn).unwrap_or(0))
    }
}
