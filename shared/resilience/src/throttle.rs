//! A rate that many processes keep together, by one number: up to when it is used up.
//!
//! Whoever wants to make calls reserves a *turn* for them, and waits for it. Turns follow one
//! another, so the rate holds however many reserve; nobody is refused, but a turn that begins
//! too late is not worth taking.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::Instant;
use crate::instant::microseconds;

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Times per second.
    pub rate: NonZeroU32,
}

/// When a number of calls may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// From then on.
    pub from: Instant,
    /// Then the next turn begins. What is kept, if nobody was faster.
    pub until: Instant,
}

impl Throttle {
    /// Returns the turn of `calls` calls, where the rate is used up to `used_until`; `None`
    /// where it would begin more than `patience` from now.
    pub fn turn(&self, used_until: Instant, now: Instant, calls: u32, patience: Duration) -> Option<Turn> {
        let from = used_until.max(now);
        let takes = u64::from(calls).saturating_mul(1_000_000).div_ceil(u64::from(self.rate.get()));
        let turn = Turn { from, until: from.after(i64::try_from(takes).unwrap_or(i64::MAX)) };
        (from <= now.after(microseconds(patience))).then_some(turn)
    }
}
