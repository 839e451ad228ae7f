//! Stops the work of one tenant that keeps failing, before it costs the others.
//!
//! A circuit belongs to one tenant and one pipeline and is shared by every process that
//! works for them. It is a value: stored as one item, read by anybody, and changed only by
//! a write on the condition that nobody else has changed it since.
//!
//! ```text
//!                      11 failures within 5 minutes
//!        ┌────────┐ ────────────────────────────────────► ┌────────┐
//!   ┌───►│ Closed │                                       │  Open  │◄──┐
//!   │    └────────┘                                       └────────┘   │ probe fails: the next
//!   │      every job runs                     every job is parked      │ cool-down is doubled
//!   │                                                         │        │ probe says nothing:
//!   │ probe succeeds: all is forgotten          cool-down over│        │ not doubled
//!   │                       ┌──────────┐                      │        │
//!   └───────────────────────│ HalfOpen │◄─────────────────────┘        │
//!                           └──────────┘───────────────────────────────┘
//!                             one job runs as probe, others are parked;
//!                             lease over: the next job is the probe
//! ```
//!
//! | figure | [`Policy::default`] | bounds |
//! |---|---|---|
//! | [`failures`](Policy::failures) | 11 | 1 to 255. One less is stored, never more |
//! | [`window`](Policy::window) | 5 min | both ends included: a failure exactly 5 minutes old counts |
//! | [`cool_down`](Policy::cool_down) | 30 s | drawn evenly from 0 to `cool_down` × 2ⁿ, ends included, after n failed probes |
//! | [`ceiling`](Policy::ceiling) | 15 min | the most that is drawn from, whatever n |
//! | [`lease`](Policy::lease) | 3 min | longer than any job takes, and than clocks differ |
//!
//! # One job
//!
//! 1. Read the circuit; an item that is absent is [`Circuit::default`].
//! 2. [`Policy::admit`] answers. [`Admission::Run`]: run the job, nothing is written. So a
//!    tenant in health costs no write. [`Admission::Parked`]: do not run it before then.
//!    [`Admission::Probe`]: write its [`Change`] first. The permit is handed out by
//!    [`Probe::granted`] against the item as it is afterwards, whether the write was
//!    refused or its answer was lost.
//! 3. Run the job. The [`Permit`] can go with it to another process.
//! 4. Read the circuit again and give the permit and the [`Outcome`] to [`Policy::record`].
//!    Where that returns a change, write it; where the write is refused, do this step again.
//!    A failure that is stored is not stored again, so that trying again is safe even
//!    where the write was carried out and its answer lost.
//!
//! A process may die at any step. Before the 4th its permit is then forgotten, which
//! matters for a probe alone: its lease ends, and the next job is the probe.
//!
//! # Late results
//!
//! Each change from one of the three states to another, and each new probe, begins an
//! *epoch*. A permit carries the epoch in which it was given and is worth nothing in a later
//! one: a job that began before the circuit opened, or a probe whose lease another took
//! over, neither closes the circuit nor opens it. For the same reason the item must not
//! be deleted while jobs run: its epochs would begin anew.
//!
//! # Clocks
//!
//! Processes tell the time by their own clocks. A failure counts if it lies within the window
//! of the latest one on *either* side: where clocks differ, or one is set back by
//! less than the window, no failure is lost. One that lies farther ahead is forgotten, so
//! that a clock once wrong does not hold the circuit open or closed. Ends of
//! cool-downs and leases are instants of the clock that wrote them.

mod change;
mod policy;
mod state;

pub use change::{Admission, Change, Outcome, Permit, Probe};
pub use policy::Policy;
pub use state::{Circuit, Failure, State};
