//! Stops the jobs of one tenant that keeps failing, before they use capacity that other tenants need.
//!
//! A circuit belongs to one tenant and one pipeline. All processes that work for the tenant share it.
//! The circuit is a value: stored as one item, read by any process, and changed only by a write on the
//! condition that no other process has changed it.
//!
//! ```text
//!                      11 failures within 5 minutes
//!        ┌────────┐ ────────────────────────────────────► ┌────────┐
//!   ┌───►│ Closed │                                       │  Open  │◄──┐
//!   │    └────────┘                                       └────────┘   │ probe fails: the next
//!   │      every job runs                      every job waits│        │ cool-down doubles
//!   │                                                         │        │ probe is inconclusive:
//!   │ probe succeeds: failures are forgotten    cool-down ends│        │ the same cool-down
//!   │                       ┌──────────┐                      │        │
//!   └───────────────────────│ HalfOpen │◄─────────────────────┘        │
//!                           └──────────┘───────────────────────────────┘
//!                             one job runs as the probe, the rest wait;
//!                             lease ends: the next job is the probe
//! ```
//!
//! | figure | [`Policy::default`] | bounds |
//! |---|---|---|
//! | [`failures`](Policy::failures) | 11 | 1 to 255. The circuit stores at most one fewer |
//! | [`window`](Policy::window) | 5 min | both ends included: a failure exactly 5 minutes old counts |
//! | [`cool_down`](Policy::cool_down) | 30 s | drawn evenly from 0 to `cool_down` × 2ⁿ, ends included, after n failed probes |
//! | [`ceiling`](Policy::ceiling) | 15 min | the upper end of that range for any n |
//! | [`lease`](Policy::lease) | 3 min | longer than any job takes, and than clocks differ |
//!
//! # One job
//!
//! 1. Read the circuit. A missing item is [`Circuit::default`].
//! 2. Call [`Policy::admit`].
//!    - [`Decision::Run`]: run the job. Nothing is written, so a healthy tenant costs no write.
//!    - [`Decision::Wait`]: do not run the job before the given time.
//!    - [`Decision::Probe`]: write its [`Change`] first. Then read the circuit and call
//!      [`Probe::granted`], also if the write was refused or its answer was lost.
//! 3. Run the job. Its [`Permit`] may move to another process.
//! 4. Read the circuit again and give the permit and the [`Outcome`] to [`Policy::record`]. If it
//!    returns a change, write the change. If the write is refused, repeat this step. The circuit never
//!    stores the same failure twice, so repeating is safe even if an earlier write succeeded.
//!
//! A process may crash at any step. Before step 4 its permit is then forgotten. That matters only for
//! a probe: its lease ends, and the next job becomes the probe.
//!
//! # Late results
//!
//! Each change of state and each new probe begins an *epoch*. A permit is valid only in the epoch that
//! issued it. A job that began before the circuit opened can neither close nor open the circuit.
//! Neither can a probe whose lease another job took over. Do not delete the item while jobs run: its
//! epochs would start again from 0.
//!
//! # Clocks
//!
//! Each process uses its own clock. A failure counts if it lies within the window of the latest failure
//! on *either* side. No failure is lost if clocks differ, or if a clock is set back, by less than the
//! window. A failure farther ahead is forgotten, so one wrong clock cannot hold the circuit open or
//! closed. The ends of cool-downs and leases follow the clock of the process that wrote them. An end that lies
//! further ahead than any process could have written is damage, and counts as past: the next job is the probe.
//!
//! ```
//! use bulkhead_resilience::Timestamp;
//! use bulkhead_resilience::circuit::{Circuit, Decision, Outcome, Policy, State};
//!
//! let (policy, mut circuit) = (Policy::default(), Circuit::default());
//! for job in 0..11 {
//!     let Decision::Run(permit) = policy.admit(&circuit, Timestamp(0), job) else { panic!("closed") };
//!     let change = policy.record(&circuit, permit, Outcome::Failure, Timestamp(0), 0).expect("a failure");
//!     assert!(circuit.apply(&change));
//! }
//! assert!(matches!(circuit.state(), State::Open { .. }));
//! ```

mod change;
mod policy;
mod state;

pub use change::{Change, Decision, Outcome, Permit, Probe};
pub use policy::Policy;
pub use state::{Circuit, Failure, State};
