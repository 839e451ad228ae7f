//! A rate that many processes share through one timestamp: until when the rate is used.
//!
//! A process reserves time for its calls and waits until the reservation begins. Reservations follow
//! one another, so the rate holds for any number of processes. A process does not reserve if it would
//! have to wait too long.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::Timestamp;

/// The furthest that reservations reach ahead: a caller waits at most a few minutes for its turn. A stored time
/// beyond it is damage, and does not count.
const FURTHEST: Duration = Duration::from_secs(15 * 60);

/// A shared rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Calls per second.
    pub rate: NonZeroU32,
}

/// The time reserved for a number of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// When the calls may start.
    pub from: Timestamp,
    /// When the next reservation begins: the new end of the used rate, which the caller stores.
    pub until: Timestamp,
}

impl Throttle {
    /// Returns the reservation for `calls` calls if the rate is used until `used_until`; `None` if it
    /// would begin more than `max_wait` from now.
    pub fn reserve(
        &self,
        used_until: Timestamp,
        now: Timestamp,
        calls: u32,
        max_wait: Duration,
    ) -> Option<Reservation> {
        let used_until = if used_until > now.after(FURTHEST) { now } else { used_until };
        let from = used_until.max(now);
        let takes = u64::from(calls).saturating_mul(1_000_000).div_ceil(u64::from(self.rate.get()));
        let until = from.plus(i64::try_from(takes).unwrap_or(i64::MAX));
        (from <= now.after(max_wait)).then_some(Reservation { from, until })
    }
}
