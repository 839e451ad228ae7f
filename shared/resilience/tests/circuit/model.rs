//! Compares the circuit with a reference that keeps every failure and counts naively.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use bulkhead_resilience::circuit::{Change, Circuit, Decision, Outcome, Permit, Policy, State};
use bulkhead_resilience::{MAX_CLOCK_SKEW, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// The next action.
#[derive(Debug, Clone)]
enum Step {
    /// The clock advances or is set back, in hundredths of the window.
    Wait(i64),
    /// Several jobs ask to run at once.
    Admit(u8),
    /// A job reports its result, possibly late or repeatedly.
    Report(prop::sample::Index, Outcome, u64),
    /// An old change is written again.
    Replay(prop::sample::Index),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![6 => Just(Outcome::Failure), 2 => Just(Outcome::Success), 1 => Just(Outcome::Inconclusive)]
}

fn steps(backwards: bool) -> impl Strategy<Value = Vec<Step>> {
    let back = if backwards { -150..0_i64 } else { 0..1 };
    let step = prop_oneof![
        6 => (0_i64..20).prop_map(Step::Wait),
        1 => (90_i64..150).prop_map(Step::Wait),
        1 => back.prop_map(Step::Wait),
        8 => (1_u8..6).prop_map(Step::Admit),
        14 => (any::<prop::sample::Index>(), outcomes(), any::<u64>())
            .prop_map(|(which, outcome, random)| Step::Report(which, outcome, random)),
        1 => any::<prop::sample::Index>().prop_map(Step::Replay),
    ];
    prop::collection::vec(step, 1..200)
}

/// Windows are multiples of 100 µs, so that failures often lie exactly at the boundary.
fn policies() -> impl Strategy<Value = Policy> {
    let tiny = (1_u8..13, 1_u64..4, 0_u64..300, 0_u64..3_000, 0_u64..300).prop_map(
        |(failures, window, cool_down, ceiling, lease)| Policy {
            failures: NonZeroU8::new(failures).expect("not 0"),
            window: Duration::from_micros(window * 100),
            cool_down: Duration::from_micros(cool_down),
            ceiling: Duration::from_micros(ceiling),
            lease: Duration::from_micros(lease),
        },
    );
    prop_oneof![1 => Just(Policy::default()), 2 => tiny]
}

#[derive(Debug, PartialEq)]
enum Phase {
    Closed,
    Open { until: i128, failed: u32 },
    HalfOpen { probe: u64, until: i128, failed: u32 },
}

/// Keeps every failure, and the generation in which each permit was issued.
struct Reference {
    policy: Policy,
    phase: Phase,
    generation: usize,
    given: BTreeMap<u64, usize>,
    failures: Vec<(usize, u64, i128)>,
}

impl Reference {
    fn transition(&mut self, phase: Phase) {
        (self.phase, self.generation) = (phase, self.generation + 1);
    }

    /// Returns the failures of this generation that lie within a window of every later failure.
    fn counted(&self) -> Vec<u64> {
        let window = self.policy.window.as_micros() as i128;
        let ours: Vec<_> = self.failures.iter().filter(|it| it.0 == self.generation).collect();
        let counts = |nth: &usize| ours[*nth..].iter().all(|later| (later.2 - ours[*nth].2).abs() <= window);
        (0..ours.len()).filter(counts).map(|nth| ours[nth].1).collect()
    }

    /// Returns the largest number of failures in any window of this generation.
    fn most_within_a_window(&self) -> usize {
        let window = self.policy.window.as_micros() as i128;
        let times = || self.failures.iter().filter(|it| it.0 == self.generation).map(|it| it.2);
        times()
            .map(|from| times().filter(|at| (from..=from + window).contains(at)).count())
            .max()
            .unwrap_or(0)
    }

    /// Opens with the drawn cool-down after checking that the policy allows it.
    fn open(&mut self, failed: u32, now: i128, circuit: &Circuit) -> Result<(), TestCaseError> {
        let State::Open { until, .. } = *circuit.state() else {
            return Err(TestCaseError::fail("the circuit did not open"));
        };
        let until = i128::from(until.0);
        let doubled = self.policy.cool_down.as_micros() as f64 * 2_f64.powi(failed as i32);
        let most = doubled.min(self.policy.ceiling.as_micros() as f64) as i128;
        prop_assert!((now..=now + most).contains(&until), "cool-down of {} of {most} µs", until - now);
        self.transition(Phase::Open { until, failed });
        Ok(())
    }

    /// Returns whether the circuit had to change. If it had, `circuit` is the new value.
    fn report(
        &mut self,
        id: u64,
        outcome: Outcome,
        now: i128,
        circuit: &Circuit,
    ) -> Result<bool, TestCaseError> {
        if self.given[&id] != self.generation {
            return Ok(false);
        }
        match (&self.phase, outcome) {
            (Phase::Closed, Outcome::Failure) if !self.counted().contains(&id) => {
                self.failures.push((self.generation, id, now));
                if self.counted().len() >= usize::from(self.policy.failures.get()) {
                    self.open(0, now, circuit)?;
                }
            }
            (Phase::HalfOpen { .. }, Outcome::Success) => self.transition(Phase::Closed),
            (Phase::HalfOpen { failed, .. }, Outcome::Failure) => self.open(failed + 1, now, circuit)?,
            (Phase::HalfOpen { failed, .. }, Outcome::Inconclusive) => self.open(*failed, now, circuit)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns whether `circuit` agrees with the reference.
    fn agrees(&self, circuit: &Circuit) -> bool {
        match circuit.state() {
            State::Closed { failures } => {
                let ids: Vec<u64> = failures.iter().map(|failure| failure.id).collect();
                self.phase == Phase::Closed && ids == self.counted()
            }
            State::Open { until, failed_probes } => {
                self.phase == Phase::Open { until: i128::from(until.0), failed: *failed_probes }
            }
            State::HalfOpen { probe, until, failed_probes } => {
                let (until, failed) = (i128::from(until.0), *failed_probes);
                self.phase == Phase::HalfOpen { probe: *probe, until, failed }
            }
        }
    }
}

/// The circuit and its reference.
struct Pair {
    policy: Policy,
    circuit: Circuit,
    reference: Reference,
    now: i64,
    jobs: Vec<Permit>,
    written: Vec<Change>,
    /// The probe that has not reported yet, and when its lease ends.
    probing: Option<(u64, i64)>,
}

impl Pair {
    fn new(policy: Policy) -> Self {
        let reference = Reference {
            policy,
            phase: Phase::Closed,
            generation: 0,
            given: BTreeMap::new(),
            failures: vec![],
        };
        let (circuit, now) = (Circuit::default(), 1_795_480_487_000_000);
        Self { policy, circuit, reference, now, jobs: vec![], written: vec![], probing: None }
    }

    fn write(&mut self, change: &Change) -> Result<(), TestCaseError> {
        let version = self.circuit.version();
        prop_assert!(self.circuit.apply(change));
        prop_assert_eq!(self.circuit.version(), version + 1);
        self.written.push(change.clone());
        Ok(())
    }

    /// Returns the latest end that a process whose clock is not wrong may have written.
    fn furthest(&self) -> i128 {
        let longest = match self.reference.phase {
            Phase::HalfOpen { .. } => self.policy.lease,
            _ => self.policy.ceiling,
        };
        i128::from(self.now) + (longest + MAX_CLOCK_SKEW).as_micros() as i128
    }

    fn admit(&mut self) -> Result<(), TestCaseError> {
        let (id, now) = (self.jobs.len() as u64, i128::from(self.now));
        let decision = self.policy.admit(&self.circuit, Timestamp(self.now), id);
        let permit = match (&self.reference.phase, decision) {
            (Phase::Closed, Decision::Run(permit)) => permit,
            (Phase::Open { until, .. } | Phase::HalfOpen { until, .. }, Decision::Wait { until: told }) => {
                prop_assert!(now < *until, "waits for no reason");
                prop_assert!(*until <= self.furthest(), "waits for an impossible end");
                prop_assert_eq!(i128::from(told.0), *until);
                return Ok(());
            }
            (
                Phase::Open { until, failed } | Phase::HalfOpen { until, failed, .. },
                Decision::Probe(probe),
            ) => {
                prop_assert!(*until <= now || *until > self.furthest(), "admitted too early");
                let (now, furthest) = (self.now, self.furthest());
                let ended = |end: i64| end <= now || i128::from(end) > furthest;
                prop_assert!(self.probing.is_none_or(|(_, end)| ended(end)), "two probes");
                let now = i128::from(now);
                let until = now + self.policy.lease.as_micros() as i128;
                self.reference.transition(Phase::HalfOpen { probe: id, until, failed: *failed });
                self.probing = Some((id, until as i64));
                self.write(probe.change())?;
                probe.granted(&self.circuit).expect("no other process wrote")
            }
            (phase, decision) => return Err(TestCaseError::fail(format!("{decision:?} while {phase:?}"))),
        };
        self.reference.given.insert(id, self.reference.generation);
        self.jobs.push(permit);
        Ok(())
    }

    fn report(&mut self, nth: usize, outcome: Outcome, random: u64) -> Result<(), TestCaseError> {
        let change = self.policy.record(&self.circuit, self.jobs[nth], outcome, Timestamp(self.now), random);
        if let Some(change) = &change {
            self.write(change)?;
        }
        let expected = self.reference.report(nth as u64, outcome, i128::from(self.now), &self.circuit)?;
        prop_assert_eq!(change.is_some(), expected, "whether a write was needed");
        self.probing.take_if(|(probe, _)| *probe == nth as u64);
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(hundredths) => self.now += self.policy.window.as_micros() as i64 / 100 * hundredths,
            Step::Admit(jobs) => (0..jobs).try_for_each(|_| self.admit())?,
            Step::Report(which, outcome, random) if !self.jobs.is_empty() => {
                // Most jobs report soon: one of the last twelve.
                let recent = which.index(self.jobs.len().min(12));
                self.report(self.jobs.len() - 1 - recent, outcome, random)?;
            }
            Step::Replay(which) if !self.written.is_empty() => {
                let old = which.get(&self.written).clone();
                prop_assert!(!self.circuit.apply(&old), "an old change was applied again");
            }
            Step::Report(..) | Step::Replay(_) => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(
            self.reference.agrees(&self.circuit),
            "{:?} is not {:?}",
            self.circuit,
            self.reference.phase
        );
        if let State::Closed { failures } = self.circuit.state() {
            prop_assert!(
                failures.len() < usize::from(self.policy.failures.get()),
                "the circuit stores failures that do not count"
            );
        }
        let stored = serde_json::to_string(&self.circuit).expect("JSON");
        prop_assert!(stored.len() < 1_000, "{} bytes", stored.len());
        prop_assert_eq!(&serde_json::from_str::<Circuit>(&stored).expect("a circuit"), &self.circuit);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_circuit_agrees_with_the_reference(policy in policies(), steps in steps(false)) {
        let mut pair = Pair::new(policy);
        for step in steps {
            pair.step(step)?;
            pair.check()?;
            // An independent count that uses only the clock.
            let closed = pair.reference.phase == Phase::Closed;
            let most = pair.reference.most_within_a_window();
            prop_assert!(!closed || most < usize::from(policy.failures.get()), "closed with {most} failures");
        }
    }

    #[test]
    fn a_clock_set_back_changes_nothing(policy in policies(), steps in steps(true)) {
        let mut pair = Pair::new(policy);
        for step in steps {
            let (before, back) = (pair.circuit.clone(), matches!(step, Step::Wait(..0)));
            pair.step(step)?;
            pair.check()?;
            prop_assert!(!back || pair.circuit == before);
        }
    }

    /// Any stored circuit lets a job run within the longest pause. The end that a process writes is kept.
    #[test]
    fn every_stored_circuit_heals(
        policy in policies(),
        now in 0..i64::MAX / 2,
        until: i64,
        failed_probes: u32,
        probe in prop::option::of(any::<u64>()),
    ) {
        let state = match probe {
            Some(probe) => serde_json::json!({"half_open": {"probe": probe, "until": until, "failed_probes": failed_probes}}),
            None => serde_json::json!({"open": {"until": until, "failed_probes": failed_probes}}),
        };
        let stored = serde_json::json!({"version": 7, "epoch": 3, "state": state});
        let circuit: Circuit = serde_json::from_value(stored).expect("a circuit");
        let longest = if probe.is_some() { policy.lease } else { policy.ceiling };
        match policy.admit(&circuit, Timestamp(now), 0) {
            Decision::Wait { until } => {
                prop_assert!(until.since(Timestamp(now)) <= longest + MAX_CLOCK_SKEW);
                let then = policy.admit(&circuit, until, 0);
                prop_assert!(matches!(then, Decision::Probe(_)), "{then:?}");
            }
            Decision::Probe(_) => {
                let ahead = i128::from(until) - i128::from(now);
                prop_assert!(ahead <= 0 || ahead > (longest + MAX_CLOCK_SKEW).as_micros() as i128);
            }
            Decision::Run(_) => prop_assert!(false, "the circuit is not closed"),
        }
    }

    /// Each cool-down is equally likely: it grows linearly with the random number.
    #[test]
    fn the_jitter_is_full(cool_down in 0_u64..1 << 40, ceiling in 0_u64..1 << 40, failed in 0_usize..8, random: u64) {
        let policy = Policy {
            failures: NonZeroU8::MIN,
            cool_down: Duration::from_micros(cool_down),
            ceiling: Duration::from_micros(ceiling),
            ..Policy::default()
        };
        let (mut circuit, mut now) = (Circuit::default(), Timestamp(0));
        let mut drawn = Duration::ZERO;
        for nth in 0..=failed {
            let permit = match policy.admit(&circuit, now, nth as u64) {
                Decision::Run(permit) => permit,
                Decision::Probe(probe) => {
                    prop_assert!(circuit.apply(probe.change()));
                    probe.granted(&circuit).expect("no other process wrote")
                }
                Decision::Wait { until } => panic!("waits until {until:?} at {now:?}"),
            };
            let random = if nth == failed { random } else { 0 };
            let change = policy.record(&circuit, permit, Outcome::Failure, now, random).expect("the circuit opens");
            prop_assert!(circuit.apply(&change));
            let State::Open { until, .. } = *circuit.state() else { panic!("not open") };
            drawn = until.since(now);
            now = until;
        }
        let longest = u128::from((cool_down << failed).min(ceiling));
        let share = longest * u128::from(random) / u128::from(u64::MAX);
        prop_assert!(drawn.as_micros() <= longest);
        prop_assert!(drawn.as_micros().abs_diff(share) <= 1, "{drawn:?}, not {share} of {longest} µs");
    }
}
