//! Processes read, decide and write in every order. They may crash between steps, lose the answer to
//! a write, and leave a write that arrives after the crash.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::Write as _;
use std::num::NonZeroU8;
use std::time::Duration;

use bulkhead_resilience::Timestamp;
use bulkhead_resilience::circuit::{
    Change, Circuit, Decision, Failure, Outcome, Permit, Policy, Probe, State,
};

use crate::explorer::{self, Model, explore};

const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Inconclusive];

/// The bounds of an exploration.
struct Setting {
    policy: Policy,
    processes: usize,
    /// Number of jobs, all processes together.
    jobs: u64,
    /// When the clock stops, microseconds.
    end: i64,
    /// The transitions that were seen.
    reached: RefCell<BTreeSet<(&'static str, &'static str)>>,
}

/// Every possible transition. If one is missing, the explored space was too small.
const TRANSITIONS: [(&str, &str); 9] = [
    ("closed", "closed"),
    ("closed", "open"),
    ("closed", "refused"),
    ("half-open", "closed"),
    ("half-open", "half-open"),
    ("half-open", "open"),
    ("half-open", "refused"),
    ("open", "half-open"),
    ("open", "refused"),
];

fn name(circuit: &Circuit) -> &'static str {
    match circuit.state() {
        State::Closed { .. } => "closed",
        State::Open { .. } => "open",
        State::HalfOpen { .. } => "half-open",
    }
}

/// The stored item, the processes, and a log of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: Timestamp,
    stored: Circuit,
    /// Sorted, because states that differ only in the order of processes are equal.
    processes: Vec<Process>,
    /// A pending write whose process crashed.
    late: Option<Write>,
    admitted: u64,
    /// The number of state changes of the circuit, counted independently.
    epochs: u64,
    /// Every failure written since the last state change.
    failures: Vec<Failure>,
}

/// A running or finished job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Job {
    permit: Permit,
    id: u64,
    /// The value of `epochs` when the job was admitted.
    epoch: u64,
    /// When the lease ends, if the job is a probe.
    lease: Option<Timestamp>,
}

/// A write, and why it happens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Write {
    change: Change,
    cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Cause {
    Probe,
    Report { job: Job, outcome: Outcome, at: Timestamp },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Process {
    Idle,
    /// Proposed a probe and is writing the proposal.
    Asking {
        probe: Probe,
        id: u64,
        write: Write,
        lease: Timestamp,
    },
    Working {
        job: Job,
    },
    /// Decided what to record and is writing it.
    Writing {
        job: Job,
        outcome: Outcome,
        write: Write,
    },
    /// The write was refused. The process must read and decide again.
    Refused {
        job: Job,
        outcome: Outcome,
    },
}

/// The action, and the process that takes it.
type Step = (&'static str, Option<Outcome>, usize);
type Steps = explorer::Steps<World, Step>;

fn ensure(holds: bool, or: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| or.to_owned())
}

impl World {
    fn new(processes: usize) -> Self {
        let (stored, processes) = (Circuit::default(), vec![Process::Idle; processes]);
        Self { now: Timestamp(0), stored, processes, late: None, admitted: 0, epochs: 0, failures: vec![] }
    }

    fn with(&self, who: usize, process: Process) -> Self {
        let mut next = self.clone();
        next.processes[who] = process;
        next
    }
}

impl Setting {
    fn explore(failures: u8, processes: usize, jobs: u64, end: i64) {
        let setting = Self { policy: policy(failures), processes, jobs, end, reached: RefCell::default() };
        setting.run();
    }

    fn run(&self) {
        self.run_from(World::new(self.processes));
    }

    fn run_from(&self, start: World) {
        let explored = explore(self, start);
        // Not `println!`, because the test runner hides its output on success.
        let _ = writeln!(
            std::io::stderr(),
            "{} processes, {} jobs, {} failures to open, {} instants: {explored:?}",
            self.processes,
            self.jobs,
            self.policy.failures,
            self.end + 1,
        );
        // If one failure opens the circuit, no failure leaves it closed.
        let skipped = usize::from(self.policy.failures.get() == 1);
        assert!(self.reached.borrow().iter().eq(&TRANSITIONS[skipped..]), "{:?}", self.reached.borrow());
    }

    /// Applies the conditional write and checks that the transition is allowed.
    fn write(&self, world: &mut World, write: &Write) -> Result<bool, String> {
        let before = world.stored.clone();
        let done = world.stored.apply(&write.change);
        let (from, to) = (name(&before), if done { name(&world.stored) } else { "refused" });
        self.reached.borrow_mut().insert((from, to));
        if !done {
            ensure(
                before.version() > write.change.expects(),
                "refused although the circuit had not changed",
            )?;
            return Ok(false);
        }
        ensure(world.stored.version() == before.version() + 1, "two changes have the same version")?;
        if let Cause::Report { job, .. } = &write.cause {
            ensure(job.epoch == world.epochs, "a job of an earlier epoch changed the circuit")?;
            let known = self.expected(world).iter().any(|it| it.id == job.id);
            ensure(!known, "a job counted twice")?;
        }
        match (from, to, &write.cause) {
            ("closed", "closed", Cause::Report { job, outcome: Outcome::Failure, at }) => {
                world.failures.push(Failure { at: *at, id: job.id });
                return Ok(true);
            }
            ("open" | "half-open", "half-open", Cause::Probe)
            | ("closed", "open", Cause::Report { outcome: Outcome::Failure, .. })
            | ("half-open", "closed", Cause::Report { outcome: Outcome::Success, .. })
            | (
                "half-open",
                "open",
                Cause::Report { outcome: Outcome::Failure | Outcome::Inconclusive, .. },
            ) => {}
            _ => return Err(format!("from {from} to {to} by {:?}", write.cause)),
        }
        world.epochs += 1;
        world.failures.clear();
        Ok(true)
    }

    /// Returns the possible next steps of process `who`.
    ///
    /// Reading and deciding are one step. A foreign write between the two refuses the next write, as
    /// it does after both.
    fn steps(&self, world: &World, who: usize) -> Steps {
        let mut steps: Steps = vec![];
        let mut may = |what, next| steps.push(((what, None, who), next));
        match &world.processes[who] {
            Process::Idle if world.admitted == self.jobs => {}
            Process::Idle => may("decides about a job", Ok(self.decide(world, who))),
            Process::Asking { probe, id, write, lease } => {
                let asked = |mut next: World| {
                    self.write(&mut next, write)?;
                    let (granted, epoch) = (probe.clone().granted(&next.stored), next.epochs);
                    next.processes[who] = granted.map_or(Process::Idle, |permit| Process::Working {
                        job: Job { permit, id: *id, epoch, lease: Some(*lease) },
                    });
                    Ok(next)
                };
                may("writes its probe", asked(world.clone()));
                may("writes its probe, the answer is lost", self.lost(world, write));
                may("crashes while it writes its probe", Ok(orphan(world, who, write)));
            }
            Process::Working { job } => {
                may("crashes at work", Ok(world.with(who, Process::Idle)));
                for outcome in OUTCOMES {
                    steps.extend(self.report(world, who, *job, outcome));
                }
            }
            Process::Writing { job, outcome, write } => {
                let reported = |mut next: World| {
                    let refused = Process::Refused { job: *job, outcome: *outcome };
                    next.processes[who] = if self.write(&mut next, write)? { Process::Idle } else { refused };
                    Ok(next)
                };
                may("writes its report", reported(world.clone()));
                may("writes its report, the answer is lost", self.lost(world, write));
                may("crashes while it writes its report", Ok(orphan(world, who, write)));
            }
            Process::Refused { job, outcome } => steps.extend(self.report(world, who, *job, *outcome)),
        }
        steps
    }

    fn decide(&self, world: &World, who: usize) -> World {
        let (mut next, id) = (world.clone(), world.admitted);
        next.processes[who] = match self.policy.admit(&world.stored, world.now, id) {
            Decision::Wait { .. } => return next,
            Decision::Run(permit) => {
                Process::Working { job: Job { permit, id, epoch: world.epochs, lease: None } }
            }
            Decision::Probe(probe) => {
                let write = Write { change: probe.change().clone(), cause: Cause::Probe };
                let lease = Timestamp(world.now.0 + self.policy.lease.as_micros() as i64);
                Process::Asking { probe, id, write, lease }
            }
        };
        next.admitted += 1;
        next
    }

    /// Decides what to write, with the smallest and the largest random number.
    fn report(&self, world: &World, who: usize, job: Job, outcome: Outcome) -> Steps {
        let decided = |random| {
            let at = world.now;
            let Some(change) = self.policy.record(&world.stored, job.permit, outcome, at, random) else {
                // Only late, repeated or successful results may be dropped.
                let (late, known) =
                    (job.epoch < world.epochs, world.failures.iter().any(|it| it.id == job.id));
                let good = job.lease.is_none() && outcome != Outcome::Failure;
                ensure(late || known || good, "a report was lost")?;
                return Ok(world.with(who, Process::Idle));
            };
            let write = Write { change, cause: Cause::Report { job, outcome, at } };
            Ok(world.with(who, Process::Writing { job, outcome, write }))
        };
        let step = ("decides what to report", Some(outcome), who);
        [0, u64::MAX].map(|random| (step, decided(random))).into()
    }

    /// The write succeeds, but the process does not get the answer.
    fn lost(&self, world: &World, write: &Write) -> Result<World, String> {
        let mut next = world.clone();
        self.write(&mut next, write)?;
        Ok(next)
    }

    /// Returns the failures that must be stored: those within the window of the latest one.
    fn expected<'w>(&self, world: &'w World) -> Vec<&'w Failure> {
        let latest = world.failures.iter().map(|it| it.at).max().unwrap_or_default();
        world.failures.iter().filter(|it| latest.since(it.at) <= self.policy.window).collect()
    }
}

/// The process crashes while its write is pending.
fn orphan(world: &World, who: usize, write: &Write) -> World {
    let mut next = world.with(who, Process::Idle);
    next.late = Some(write.clone());
    next
}

impl Model for Setting {
    type State = World;
    type Step = Step;

    fn next(&self, world: &World) -> Steps {
        let mut steps: Steps = (0..self.processes).flat_map(|who| self.steps(world, who)).collect();
        if world.now.0 < self.end {
            let now = Timestamp(world.now.0 + 1);
            steps.push((("time passes", None, 0), Ok(World { now, ..world.clone() })));
        }
        if let Some(write) = &world.late {
            let mut next = World { late: None, ..world.clone() };
            let arrived = self.write(&mut next, write).map(|_| next);
            steps.push((("a late write arrives", None, 0), arrived));
        }
        for (_, next) in &mut steps {
            if let Ok(next) = next {
                next.processes.sort_by_cached_key(|process| {
                    BuildHasherDefault::<DefaultHasher>::new().hash_one(process)
                });
            }
        }
        steps
    }

    fn check(&self, world: &World) -> Result<(), String> {
        let probes = world.processes.iter().filter(|process| match process {
            Process::Working { job } => job.lease.is_some_and(|end| world.now < end),
            _ => false,
        });
        ensure(probes.count() <= 1, "two probes within their leases")?;

        if let State::Closed { failures } = world.stored.state() {
            ensure(failures.iter().eq(self.expected(world)), "a failure was lost or counted twice")?;
            ensure(
                failures.len() < usize::from(self.policy.failures.get()),
                "closed with too many failures",
            )?;
        }

        // In every state a later job may run, also after any crash.
        if let Decision::Wait { until } = self.policy.admit(&world.stored, world.now, u64::MAX) {
            ensure(world.now < until, "waits until a time in the past")?;
            let most = self.policy.ceiling.max(self.policy.lease);
            ensure(until.since(world.now) <= most, "waits longer than the policy allows")?;
            let then = self.policy.admit(&world.stored, until, u64::MAX);
            ensure(matches!(then, Decision::Probe(_)), "waits forever")?;
        }
        Ok(())
    }
}

/// Returns a policy small enough to visit every state: the same rules, in microseconds.
fn policy(failures: u8) -> Policy {
    Policy {
        failures: NonZeroU8::new(failures).expect("not 0"),
        window: Duration::from_micros(1),
        cool_down: Duration::from_micros(1),
        ceiling: Duration::from_micros(2),
        lease: Duration::from_micros(1),
    }
}

/// A stored end that no process could have written must not stop the jobs.
#[test]
fn from_a_damaged_circuit() {
    for state in ["open", "half_open"] {
        let stored = serde_json::json!({"version": 1, "epoch": 0, "state": {
            state: {"probe": u64::MAX, "until": i64::MAX, "failed_probes": 0},
        }});
        let setting =
            Setting { policy: policy(1), processes: 2, jobs: 4, end: 1, reached: RefCell::default() };
        let stored = serde_json::from_value(stored).expect("a circuit");
        setting.run_from(World { stored, ..World::new(2) });
    }
}

#[test]
fn two_processes() {
    Setting::explore(2, 2, 4, 2);
}

#[test]
fn two_processes_and_one_failure_opens() {
    Setting::explore(1, 2, 4, 2);
}

#[test]
fn three_processes() {
    Setting::explore(2, 3, 4, 1);
}
