//! The circuit against a reference that forgets nothing and counts naively.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use bulkhead_resilience::Instant;
use bulkhead_resilience::circuit::{Admission, Change, Circuit, Outcome, Permit, Policy, State};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// The clock goes on, or is set back: parts of the window, hundredths.
    Wait(i64),
    /// Jobs are asked about and run, all at once.
    Admit(u8),
    /// One of those that run, or ran, reports. Perhaps again, perhaps late.
    Report(prop::sample::Index, Outcome, u64),
    /// A change of the past is written once more.
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
            .prop_map(|(which, outcome, dice)| Step::Report(which, outcome, dice)),
        1 => any::<prop::sample::Index>().prop_map(Step::Replay),
    ];
    prop::collection::vec(step, 1..200)
}

/// Windows of a multiple of 100 µs, so that failures lie at its very edge often.
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

/// Every failure there ever was, and in which generation each permit was given.
struct Reference {
    policy: Policy,
    phase: Phase,
    generation: usize,
    given: BTreeMap<u64, usize>,
    failures: Vec<(usize, u64, i128)>,
}

impl Reference {
    fn turn(&mut self, phase: Phase) {
        (self.phase, self.generation) = (phase, self.generation + 1);
    }

    /// The failures of this generation that no later one is more than a window away from.
    fn counted(&self) -> Vec<u64> {
        let window = self.policy.window.as_micros() as i128;
        let ours: Vec<_> = self.failures.iter().filter(|it| it.0 == self.generation).collect();
        let counts = |nth: &usize| ours[*nth..].iter().all(|later| (later.2 - ours[*nth].2).abs() <= window);
        (0..ours.len()).filter(counts).map(|nth| ours[nth].1).collect()
    }

    /// The most failures that any window of this generation holds, by the clock alone.
    fn most_within_a_window(&self) -> usize {
        let window = self.policy.window.as_micros() as i128;
        let times = || self.failures.iter().filter(|it| it.0 == self.generation).map(|it| it.2);
        times()
            .map(|from| times().filter(|at| (from..=from + window).contains(at)).count())
            .max()
            .unwrap_or(0)
    }

    /// Opens with the cool-down that was drawn, if it is one of those that may be.
    fn open(&mut self, failed: u32, now: i128, circuit: &Circuit) -> Result<(), TestCaseError> {
        let State::Open { until, .. } = *circuit.state() else {
            return Err(TestCaseError::fail("it should have opened"));
        };
        let until = i128::from(until.0);
        let doubled = self.policy.cool_down.as_micros() as f64 * 2_f64.powi(failed as i32);
        let most = doubled.min(self.policy.ceiling.as_micros() as f64) as i128;
        prop_assert!((now..=now + most).contains(&until), "cool-down of {} of {most} µs", until - now);
        self.turn(Phase::Open { until, failed });
        Ok(())
    }

    /// Says whether the circuit had to change. Where it had, `circuit` is what it became.
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
            (Phase::HalfOpen { .. }, Outcome::Success) => self.turn(Phase::Closed),
            (Phase::HalfOpen { failed, .. }, Outcome::Failure) => self.open(failed + 1, now, circuit)?,
            (Phase::HalfOpen { failed, .. }, Outcome::Inconclusive) => self.open(*failed, now, circuit)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether `circuit` says the same as this.
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

/// The circuit and its reference, side by side.
struct Pair {
    policy: Policy,
    circuit: Circuit,
    reference: Reference,
    now: i64,
    jobs: Vec<Permit>,
    written: Vec<Change>,
    /// The probe that did not report yet, and when its lease ends.
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

    fn admit(&mut self) -> Result<(), TestCaseError> {
        let (id, now) = (self.jobs.len() as u64, i128::from(self.now));
        let admission = self.policy.admit(&self.circuit, Instant(self.now), id);
        let permit = match (&self.reference.phase, admission) {
            (Phase::Closed, Admission::Run(permit)) => permit,
            (
                Phase::Open { until, .. } | Phase::HalfOpen { until, .. },
                Admission::Parked { until: told },
            ) => {
                prop_assert!(now < *until, "parked for no reason");
                prop_assert_eq!(i128::from(told.0), *until);
                return Ok(());
            }
            (
                Phase::Open { until, failed } | Phase::HalfOpen { until, failed, .. },
                Admission::Probe(probe),
            ) => {
                prop_assert!(*until <= now, "let in too early");
                prop_assert!(self.probing.is_none_or(|(_, end)| end <= self.now), "two probes");
                let until = now + self.policy.lease.as_micros() as i128;
                self.reference.turn(Phase::HalfOpen { probe: id, until, failed: *failed });
                self.probing = Some((id, until as i64));
                self.write(probe.change())?;
                probe.granted(&self.circuit).expect("nobody was faster")
            }
            (phase, admission) => return Err(TestCaseError::fail(format!("{admission:?} while {phase:?}"))),
        };
        self.reference.given.insert(id, self.reference.generation);
        self.jobs.push(permit);
        Ok(())
    }

    fn report(&mut self, nth: usize, outcome: Outcome, dice: u64) -> Result<(), TestCaseError> {
        let change = self.policy.record(&self.circuit, self.jobs[nth], outcome, Instant(self.now), dice);
        if let Some(change) = &change {
            self.write(change)?;
        }
        let expected = self.reference.report(nth as u64, outcome, i128::from(self.now), &self.circuit)?;
        prop_assert_eq!(change.is_some(), expected, "whether it had to be written");
        self.probing.take_if(|(probe, _)| *probe == nth as u64);
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(hundredths) => self.now += self.policy.window.as_micros() as i64 / 100 * hundredths,
            Step::Admit(jobs) => (0..jobs).try_for_each(|_| self.admit())?,
            Step::Report(which, outcome, dice) if !self.jobs.is_empty() => {
                // Most report soon: one of the last twelve.
                let recent = which.index(self.jobs.len().min(12));
                self.report(self.jobs.len() - 1 - recent, outcome, dice)?;
            }
            Step::Replay(which) if !self.written.is_empty() => {
                let old = which.get(&self.written).clone();
                prop_assert!(!self.circuit.apply(&old), "an old change was written again");
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
                "more is stored than counts"
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
    fn it_does_what_the_reference_does(policy in policies(), steps in steps(false)) {
        let mut pair = Pair::new(policy);
        for step in steps {
            pair.step(step)?;
            pair.check()?;
            // By the clock alone, which the reference's own rule has to come down to.
            let closed = pair.reference.phase == Phase::Closed;
            let most = pair.reference.most_within_a_window();
            prop_assert!(!closed || most < usize::from(policy.failures.get()), "closed with {most} failures");
        }
    }

    #[test]
    fn a_clock_that_goes_back_opens_and_closes_nothing(policy in policies(), steps in steps(true)) {
        let mut pair = Pair::new(policy);
        for step in steps {
            let (before, back) = (pair.circuit.clone(), matches!(step, Step::Wait(..0)));
            pair.step(step)?;
            pair.check()?;
            prop_assert!(!back || pair.circuit == before);
        }
    }

    /// Each cool-down is as likely as any other: the draw is a straight line over the dice.
    #[test]
    fn the_jitter_is_full(cool_down in 0_u64..1 << 40, ceiling in 0_u64..1 << 40, failed in 0_usize..8, dice: u64) {
        let policy = Policy {
            failures: NonZeroU8::MIN,
            cool_down: Duration::from_micros(cool_down),
            ceiling: Duration::from_micros(ceiling),
            ..Policy::default()
        };
        let (mut circuit, mut now) = (Circuit::default(), Instant(0));
        let mut drawn = Duration::ZERO;
        for nth in 0..=failed {
            let permit = match policy.admit(&circuit, now, nth as u64) {
                Admission::Run(permit) => permit,
                Admission::Probe(probe) => {
                    prop_assert!(circuit.apply(probe.change()));
                    probe.granted(&circuit).expect("nobody was faster")
                }
                Admission::Parked { until } => panic!("parked until {until:?} at {now:?}"),
            };
            let dice = if nth == failed { dice } else { 0 };
            let change = policy.record(&circuit, permit, Outcome::Failure, now, dice).expect("it opens");
            prop_assert!(circuit.apply(&change));
            let State::Open { until, .. } = *circuit.state() else { panic!("it is not open") };
            drawn = until.since(now);
            now = until;
        }
        let longest = u128::from((cool_down << failed).min(ceiling));
        let share = longest * u128::from(dice) / u128::from(u64::MAX);
        prop_assert!(drawn.as_micros() <= longest);
        prop_assert!(drawn.as_micros().abs_diff(share) <= 1, "{drawn:?}, not {share} of {longest} µs");
    }
}
