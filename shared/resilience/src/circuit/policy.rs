use std::num::NonZeroU8;
use std::time::Duration;

use super::{Admission, Change, Circuit, Failure, Outcome, Permit, Probe, State};
use crate::Instant;
use crate::instant::microseconds;

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// So many failures open it.
    pub failures: NonZeroU8,
    /// If they lie within this time, both ends included.
    pub window: Duration,
    /// The longest cool-down when it opens. Doubles with each probe that fails.
    pub cool_down: Duration,
    /// The longest cool-down at all.
    pub ceiling: Duration,
    /// After this time a probe that did not report is taken to be dead.
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
    /// Decides about one job, on the circuit as it was read. `dice` names the permit: no
    /// two jobs have the same.
    pub fn admit(&self, circuit: &Circuit, now: Instant, dice: u64) -> Admission {
        let (until, failed_probes) = match circuit.state() {
            State::Closed { .. } => return Admission::Run(Permit { epoch: circuit.epoch(), id: dice }),
            State::Open { until, failed_probes } | State::HalfOpen { until, failed_probes, .. } => {
                (*until, *failed_probes)
            }
        };
        if now < until {
            return Admission::Parked { until };
        }
        let until = now.after(microseconds(self.lease));
        let change = circuit.turn(State::HalfOpen { probe: dice, until, failed_probes });
        Admission::Probe(Probe { change, permit: Permit { epoch: circuit.next_epoch(), id: dice } })
    }

    /// Records how the job of `permit` ended, on the circuit as it was read: what has to be
    /// written, if anything. From `dice` a cool-down is drawn.
    pub fn record(
        &self,
        circuit: &Circuit,
        permit: Permit,
        outcome: Outcome,
        now: Instant,
        dice: u64,
    ) -> Option<Change> {
        if permit.epoch != circuit.epoch() {
            return None;
        }
        let open = |failed_probes| {
            let until = now.after(microseconds(self.draw(failed_probes, dice)));
            circuit.turn(State::Open { until, failed_probes })
        };
        match (circuit.state(), outcome) {
            (State::Closed { failures }, Outcome::Failure) => {
                if failures.iter().any(|failure| failure.id == permit.id) {
                    return None;
                }
                let failures = self.counting(failures, Failure { at: now, id: permit.id });
                if failures.len() >= usize::from(self.failures.get()) {
                    return Some(open(0));
                }
                Some(circuit.with(State::Closed { failures }))
            }
            (State::HalfOpen { probe, failed_probes, .. }, _) if *probe == permit.id => Some(match outcome {
                Outcome::Success => circuit.turn(State::default()),
                Outcome::Failure => open(failed_probes.saturating_add(1)),
                Outcome::Inconclusive => open(*failed_probes),
            }),
            _ => None,
        }
    }

    /// The failures that count when `latest` does, itself among them.
    fn counting(&self, failures: &[Failure], latest: Failure) -> Vec<Failure> {
        let apart = |failure: &Failure| latest.at.since(failure.at).max(failure.at.since(latest.at));
        let near = failures.iter().copied().filter(|failure| apart(failure) <= self.window);
        near.chain([latest]).collect()
    }

    /// A cool-down after `failed_probes`, with full jitter: any from 0 to the longest is
    /// as likely as any other.
    fn draw(&self, failed_probes: u32, dice: u64) -> Duration {
        let doubled = self.cool_down.saturating_mul(2_u32.saturating_pow(failed_probes));
        let longest = microseconds(doubled.min(self.ceiling));
        let drawn = (u128::from(dice) * (u128::from(longest.unsigned_abs()) + 1)) >> u64::BITS;
        Duration::from_micros(u64::try_from(drawn).unwrap_or(0))
    }
}
