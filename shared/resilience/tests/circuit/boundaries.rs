//! Each limit at its exact boundary.

use std::time::Duration;

use bulkhead_resilience::Timestamp;
use bulkhead_resilience::circuit::{Circuit, Decision, Outcome, Permit, Policy, State};

const START: i64 = 1_795_480_487_000_000;
const WINDOW: i64 = 300_000_000;
const LEASE: i64 = 180_000_000;
const LONGEST: u64 = u64::MAX;

/// A process that reads, decides and writes in one step, `at` microseconds after the start.
#[derive(Default)]
struct Line {
    circuit: Circuit,
    jobs: u64,
}

impl Line {
    fn admit(&mut self, at: i64) -> Decision {
        self.jobs += 1;
        Policy::default().admit(&self.circuit, Timestamp(START + at), self.jobs)
    }

    fn run(&mut self, at: i64) -> Permit {
        let Decision::Run(permit) = self.admit(at) else {
            panic!("the job does not run: {:?}", self.circuit)
        };
        permit
    }

    fn probe(&mut self, at: i64) -> Permit {
        let Decision::Probe(probe) = self.admit(at) else { panic!("no probe: {:?}", self.circuit) };
        assert!(self.circuit.apply(probe.change()));
        probe.granted(&self.circuit).expect("no other process wrote")
    }

    fn wait_until(&mut self, at: i64) -> Option<i64> {
        match self.admit(at) {
            Decision::Wait { until } => Some(until.0 - START),
            _ => None,
        }
    }

    /// Returns whether the circuit was written.
    fn record(&mut self, permit: Permit, outcome: Outcome, at: i64) -> bool {
        let change = Policy::default().record(&self.circuit, permit, outcome, Timestamp(START + at), LONGEST);
        change.is_some_and(|change| self.circuit.apply(&change))
    }

    fn fail(&mut self, at: i64) {
        let permit = self.run(at);
        assert!(self.record(permit, Outcome::Failure, at));
    }

    fn is_closed(&self) -> bool {
        matches!(self.circuit.state(), State::Closed { .. })
    }

    /// Returns a circuit that opened at 0 microseconds, for 30 seconds.
    fn opened() -> Self {
        let mut line = Self::default();
        (0..11).for_each(|_| line.fail(0));
        line
    }
}

#[test]
fn the_eleventh_failure_opens_the_circuit() {
    let mut line = Line::default();
    (0..10).for_each(|_| line.fail(0));
    assert!(line.is_closed());
    line.fail(0);
    let State::Open { until, failed_probes } = *line.circuit.state() else { panic!("not open") };
    assert_eq!((until, failed_probes), (Timestamp(START + 30_000_000), 0));
}

#[test]
fn a_failure_exactly_five_minutes_old_counts() {
    for (last, closed) in [(WINDOW, false), (WINDOW + 1, true)] {
        let mut line = Line::default();
        line.fail(0);
        (1..10).for_each(|nth| line.fail(nth));
        line.fail(last);
        assert_eq!(line.is_closed(), closed, "the eleventh after {last} µs");
    }
}

#[test]
fn the_window_slides() {
    let mut line = Line::default();
    // One failure every 30.000001 s: of any eleven, the first is one microsecond too old.
    (0..100).for_each(|nth| line.fail(nth * (WINDOW / 10 + 1)));
    assert!(line.is_closed());
    line.fail(99 * (WINDOW / 10 + 1));
    assert!(!line.is_closed());
}

#[test]
fn successes_are_not_written_and_erase_no_failure() {
    let mut line = Line::default();
    for _ in 0..10 {
        line.fail(0);
        let (permit, before) = (line.run(0), line.circuit.clone());
        assert!(!line.record(permit, Outcome::Success, 0));
        assert!(!line.record(permit, Outcome::Inconclusive, 0));
        assert_eq!(before, line.circuit);
    }
    line.fail(0);
    assert!(!line.is_closed());
}

#[test]
fn a_probe_runs_exactly_when_the_cool_down_ends() {
    let mut line = Line::opened();
    assert_eq!(line.wait_until(29_999_999), Some(30_000_000));
    let _permit = line.probe(30_000_000);
}

#[test]
fn one_probe_runs_until_its_lease_ends() {
    let mut line = Line::opened();
    let first = line.probe(30_000_000);
    let end = 30_000_000 + LEASE;
    assert_eq!(line.wait_until(30_000_000), Some(end));
    assert_eq!(line.wait_until(end - 1), Some(end));
    let second = line.probe(end);
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Inconclusive] {
        assert!(!line.record(first, outcome, end), "the first probe is late");
    }
    assert!(line.record(second, Outcome::Success, end));
    assert!(line.is_closed());
}

#[test]
fn a_late_probe_counts_if_no_job_took_over() {
    let mut line = Line::opened();
    let probe = line.probe(30_000_000);
    assert!(line.record(probe, Outcome::Success, 30_000_000 + 10 * LEASE));
    assert!(line.is_closed());
}

#[test]
fn one_of_two_proposed_probes_is_granted_even_if_its_answer_is_lost() {
    let mut line = Line::opened();
    let (Decision::Probe(one), Decision::Probe(other)) = (line.admit(30_000_000), line.admit(30_000_000))
    else {
        panic!("both propose a probe")
    };
    assert!(line.circuit.apply(one.change()));
    assert!(!line.circuit.apply(other.change()));
    assert!(!line.circuit.apply(one.change()), "repeated because the answer was lost");
    assert_eq!(other.granted(&line.circuit), None);
    assert!(one.granted(&line.circuit).is_some());
}

/// A process that lost the race might use its permit without asking whether it won.
#[test]
fn an_ungranted_permit_changes_nothing() {
    let mut line = Line::opened();
    let probe = line.probe(30_000_000);
    let json = serde_json::to_string(&probe).expect("JSON").replace(r#""id":12"#, r#""id":13"#);
    let other: Permit = serde_json::from_str(&json).expect("a permit");
    assert_ne!(probe, other);
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Inconclusive] {
        assert!(!line.record(other, outcome, 30_000_000));
    }
}

#[test]
fn the_cool_down_doubles_to_the_ceiling_and_success_resets_it() {
    let mut line = Line::opened();
    let mut at = 30_000_000;
    for seconds in [60, 120, 240, 480, 900, 900, 900] {
        let probe = line.probe(at);
        assert!(line.record(probe, Outcome::Failure, at));
        assert_eq!(line.wait_until(at), Some(at + seconds * 1_000_000));
        at += seconds * 1_000_000;
    }
    let probe = line.probe(at);
    assert!(line.record(probe, Outcome::Success, at));
    (0..10).for_each(|_| line.fail(at));
    assert!(line.is_closed(), "failures before the circuit closed are forgotten");
    line.fail(at);
    assert_eq!(line.wait_until(at), Some(at + 30_000_000));
}

#[test]
fn an_inconclusive_probe_does_not_lengthen_the_cool_down() {
    let mut line = Line::opened();
    let probe = line.probe(30_000_000);
    assert!(line.record(probe, Outcome::Failure, 30_000_000));
    let probe = line.probe(90_000_000);
    assert!(line.record(probe, Outcome::Inconclusive, 90_000_000));
    assert_eq!(line.wait_until(90_000_000), Some(150_000_000));
}

#[test]
fn jobs_from_an_earlier_epoch_change_nothing() {
    let mut line = Line::default();
    let early: Vec<Permit> = (0..4).map(|_| line.run(0)).collect();
    (0..11).for_each(|_| line.fail(0));
    let open = line.circuit.clone();
    assert!(!line.record(early[0], Outcome::Success, 1));
    assert!(!line.record(early[1], Outcome::Failure, 1));
    assert_eq!(line.circuit, open, "open");

    let probe = line.probe(30_000_000);
    let half_open = line.circuit.clone();
    assert!(!line.record(early[2], Outcome::Success, 30_000_000));
    assert_eq!(line.circuit, half_open, "half-open");

    assert!(line.record(probe, Outcome::Success, 30_000_000));
    let closed = line.circuit.clone();
    assert!(!line.record(early[3], Outcome::Failure, 30_000_000));
    assert_eq!(line.circuit, closed, "closed again");
}

#[test]
fn a_job_recorded_many_times_counts_once() {
    let mut line = Line::default();
    let permit = line.run(0);
    assert!(line.record(permit, Outcome::Failure, 0));
    for at in 0..20 {
        assert!(!line.record(permit, Outcome::Failure, at));
    }
    assert_eq!(line.circuit.version(), 1);
}

#[test]
fn a_clock_that_is_behind_loses_no_failure() {
    for (behind, closed) in [(1, false), (WINDOW, false), (WINDOW + 1, true)] {
        let mut line = Line::default();
        (0..10).for_each(|_| line.fail(0));
        line.fail(-behind);
        assert_eq!(line.is_closed(), closed, "{behind} µs behind");
    }
}

#[test]
fn a_clock_an_hour_ahead_does_not_keep_the_circuit_open() {
    let mut line = Line::default();
    (0..10).for_each(|_| line.fail(3_600_000_000));
    (0..10).for_each(|_| line.fail(0));
    assert!(line.is_closed());
    line.fail(0);
    assert!(!line.is_closed());
}

/// Returns a circuit whose stored state has another `until`.
fn with_until(circuit: &Circuit, until: i64) -> Circuit {
    let mut stored = serde_json::to_value(circuit).expect("JSON");
    let states = stored["state"].as_object_mut().expect("an open state");
    states.values_mut().for_each(|state| state["until"] = until.into());
    serde_json::from_value(stored).expect("a circuit")
}

/// A wrong clock or damage must not stop a tenant's jobs for ever.
#[test]
fn an_end_further_ahead_than_any_process_writes_counts_as_past() {
    const SKEW: i64 = 60_000_000;
    let mut line = Line::opened();
    let open = line.circuit.clone();
    let _probe = line.probe(30_000_000);
    for (stored, longest) in [(open, 900_000_000), (line.circuit.clone(), LEASE)] {
        line.circuit = with_until(&stored, START + longest + SKEW);
        assert_eq!(line.wait_until(0), Some(longest + SKEW));
        for until in [START + longest + SKEW + 1, i64::MAX] {
            line.circuit = with_until(&stored, until);
            let probe = line.probe(0);
            assert_eq!(line.wait_until(0), Some(LEASE), "the new end replaces the damaged one");
            assert!(line.record(probe, Outcome::Success, 0));
            assert!(line.is_closed());
        }
    }
}

#[test]
fn extreme_timestamps_do_not_overflow() {
    let policy = Policy {
        lease: Duration::MAX,
        cool_down: Duration::MAX,
        ceiling: Duration::MAX,
        ..Policy::default()
    };
    let mut circuit = Circuit::default();
    for (job, at) in (0..40).zip([i64::MIN, i64::MAX, 0].into_iter().cycle()) {
        for job in (job * 20)..(job * 20 + 20) {
            let permit = match policy.admit(&circuit, Timestamp(at), job) {
                Decision::Run(permit) => permit,
                Decision::Probe(probe) => {
                    assert!(circuit.apply(probe.change()));
                    probe.granted(&circuit).expect("no other process wrote")
                }
                Decision::Wait { .. } => continue,
            };
            let change = policy.record(&circuit, permit, Outcome::Failure, Timestamp(at), LONGEST);
            assert!(circuit.apply(&change.expect("a new failure")));
        }
    }
}

/// The next version must read the stored circuit and the serialized permit.
#[test]
fn the_stored_form_is_stable_and_small() {
    let json = |circuit: &Circuit| serde_json::to_string(circuit).expect("JSON");
    let mut line = Line::default();
    assert_eq!(json(&line.circuit), r#"{"version":0,"epoch":0,"state":{"closed":{"failures":[]}}}"#);
    line.fail(0);
    assert_eq!(
        json(&line.circuit),
        r#"{"version":1,"epoch":0,"state":{"closed":{"failures":[{"at":1795480487000000,"id":1}]}}}"#
    );
    line.jobs = u64::MAX - 20;
    (0..9).for_each(|_| line.fail(0));
    assert!(json(&line.circuit).len() < 600, "{}", json(&line.circuit).len());
    line.fail(0);
    assert_eq!(
        json(&line.circuit),
        r#"{"version":11,"epoch":1,"state":{"open":{"until":1795480517000000,"failed_probes":0}}}"#
    );
    line.jobs = 6;
    let probe = line.probe(30_000_000);
    assert_eq!(serde_json::to_string(&probe).expect("JSON"), r#"{"epoch":2,"id":7}"#);
    assert_eq!(
        json(&line.circuit),
        r#"{"version":12,"epoch":2,"state":{"half_open":{"probe":7,"until":1795480697000000,"failed_probes":0}}}"#
    );
}
