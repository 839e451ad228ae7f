//! A tenant's share of a tier: calls in flight, and calls per second.
//!
//! Each call in flight occupies one of the tenant's numbered *slots* until it releases the slot or
//! the slot expires. If a process dies, its slots expire. The generic cell rate algorithm counts
//! calls per second: one timestamp says until when the tenant has used its rate.
//!
//! [`Quota::claim`] proposes a [`Claim`] on a [`Ledger`] that may be out of date. A claim takes effect
//! only through [`Ledger::apply`], or through a conditional write with the same conditions. Both
//! refuse a claim if the ledger has changed in a way that matters. So the limits hold for any number
//! of processes that claim at the same time.
//!
//! ```
//! use std::num::{NonZeroU16, NonZeroU32};
//! use std::time::Duration;
//!
//! use bulkhead_resilience::Timestamp;
//! use bulkhead_resilience::quota::{Ledger, Limit, Quota};
//!
//! let quota = Quota {
//!     in_flight: NonZeroU16::MIN,
//!     rate: NonZeroU32::MIN.saturating_add(9),
//!     burst: NonZeroU32::MIN.saturating_add(4),
//!     slot_lifetime: Duration::from_secs(35),
//! };
//! let (mut ledger, now) = (Ledger::default(), Timestamp(0));
//! let claim = quota.claim(&ledger, now, 0).expect("the tenant is idle");
//! assert!(ledger.apply(&claim));
//! // The only slot is taken.
//! let exceeded = quota.claim(&ledger, now, 0).expect_err("one call is in flight");
//! assert_eq!(exceeded.limit, Limit::InFlight);
//! ledger.release(&claim);
//! assert!(quota.claim(&ledger, now, 0).is_ok());
//! ```

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use crate::{MAX_CLOCK_SKEW, Timestamp};

/// The limits of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Calls in flight.
    pub in_flight: NonZeroU16,
    /// Calls per second, on average.
    pub rate: NonZeroU32,
    /// Calls that may start together after a pause.
    pub burst: NonZeroU32,
    /// A slot expires after this time. Longer than any call may take.
    pub slot_lifetime: Duration,
}

/// A limit of a [`Quota`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Calls in flight.
    InFlight,
    /// Calls per second.
    Rate,
}

/// The quota has no room for another call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// The limit that is reached.
    pub limit: Limit,
    /// When to retry. Exact for the rate if no other call starts. The latest time for calls in flight,
    /// because most calls release their slot earlier.
    pub retry_after: Duration,
}

/// What a tenant uses of its quota.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The occupied slots, and when each one expires.
    pub slots: BTreeMap<u16, Timestamp>,
    /// Until when the rate is used.
    pub used_until: Timestamp,
}

/// How a claim changes [`Ledger::used_until`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The tenant was idle. Condition: the rate is not used beyond now.
    Restart {
        /// The new `used_until`.
        until: Timestamp,
    },
    /// The tenant is active. Condition: `used_until` lies after now and is at most `latest`.
    Continue {
        /// What to add to `used_until`, microseconds.
        step: i64,
        /// The largest `used_until` that leaves room for this call.
        latest: Timestamp,
    },
    /// `used_until` lies further ahead than any process writes it. Condition: it is still `damaged`.
    Repair {
        /// The damaged `used_until`.
        damaged: Timestamp,
        /// The new `used_until`.
        until: Timestamp,
    },
}

/// A proposed slot for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The slot's number.
    pub slot: u16,
    /// When the slot expires. Identifies the claim: no other claim of this slot expires then.
    pub until: Timestamp,
    /// When the claim was made.
    pub now: Timestamp,
    /// A slot that is occupied beyond this time is damaged, and free.
    pub impossible: Timestamp,
    /// How the claim changes the used rate.
    pub pace: Pace,
}

impl Quota {
    /// Proposes a free slot for one call. `random` chooses among the free slots, so that processes
    /// seldom claim the same one.
    ///
    /// # Errors
    /// [`QuotaExceeded`]. [`Limit::Rate`] is final even if `ledger` is out of date, because
    /// `used_until` never decreases, except from a damaged value.
    pub fn claim(&self, ledger: &Ledger, now: Timestamp, random: u64) -> Result<Claim, QuotaExceeded> {
        let pace = self.pace(ledger, now)?;
        let impossible = now.after(self.slot_lifetime + MAX_CLOCK_SKEW);
        let free = || (0..self.in_flight.get()).filter(|slot| ledger.is_free(*slot, now, impossible));
        let count = u64::try_from(free().count()).unwrap_or(u64::MAX);
        let chosen = random.checked_rem(count).and_then(|nth| free().nth(usize::try_from(nth).ok()?));
        match chosen {
            Some(slot) => Ok(Claim { slot, until: now.after(self.slot_lifetime), now, impossible, pace }),
            None => {
                let next = ledger.slots.values().min().copied().unwrap_or(now);
                Err(QuotaExceeded { limit: Limit::InFlight, retry_after: next.since(now) })
            }
        }
    }

    /// Returns the number of free slots in `ledger`.
    pub fn free_slots(&self, ledger: &Ledger, now: Timestamp) -> u16 {
        let impossible = now.after(self.slot_lifetime + MAX_CLOCK_SKEW);
        let free = (0..self.in_flight.get()).filter(|slot| ledger.is_free(*slot, now, impossible)).count();
        u16::try_from(free).unwrap_or(u16::MAX)
    }

    /// Returns how many calls may start now, judged by the rate in `ledger`, and when the whole burst is there again.
    pub fn burst_left(&self, ledger: &Ledger, now: Timestamp) -> (u32, Duration) {
        let used = ledger.used_until.since(now);
        let step = Duration::from_micros(u64::from(1_000_000_u32.div_ceil(self.rate.get())));
        let calls = used.as_micros().div_ceil(step.as_micros().max(1));
        let left = u32::try_from(calls).map_or(0, |calls| self.burst.get().saturating_sub(calls));
        (left, used)
    }

    fn pace(&self, ledger: &Ledger, now: Timestamp) -> Result<Pace, QuotaExceeded> {
        let step = self.step();
        if ledger.used_until <= now {
            return Ok(Pace::Restart { until: now.plus(step) });
        }
        let latest = now.plus(step.saturating_mul(i64::from(self.burst.get()) - 1));
        if ledger.used_until <= latest {
            return Ok(Pace::Continue { step, latest });
        }
        if ledger.used_until > latest.plus(step).after(MAX_CLOCK_SKEW) {
            return Ok(Pace::Repair { damaged: ledger.used_until, until: now.plus(step) });
        }
        Err(QuotaExceeded { limit: Limit::Rate, retry_after: ledger.used_until.since(latest) })
    }

    /// Returns what one call uses of the rate, microseconds.
    fn step(&self) -> i64 {
        i64::from(1_000_000_u32.div_ceil(self.rate.get()))
    }
}

impl Ledger {
    fn is_free(&self, slot: u16, now: Timestamp, impossible: Timestamp) -> bool {
        self.slots.get(&slot).is_none_or(|until| *until <= now || *until > impossible)
    }

    /// Applies `claim` if its conditions hold, and returns whether they did.
    ///
    /// A conditional write of the stored ledger has the same three conditions.
    pub fn apply(&mut self, claim: &Claim) -> bool {
        if !self.is_free(claim.slot, claim.now, claim.impossible) {
            return false;
        }
        self.used_until = match claim.pace {
            Pace::Restart { until } if self.used_until <= claim.now => until,
            Pace::Continue { step, latest } if self.used_until > claim.now && self.used_until <= latest => {
                self.used_until.plus(step)
            }
            Pace::Repair { damaged, until } if self.used_until == damaged => until,
            _ => return false,
        };
        self.slots.insert(claim.slot, claim.until);
        true
    }

    /// Releases the slot of `claim`, unless another claim holds the slot by now.
    pub fn release(&mut self, claim: &Claim) {
        if self.slots.get(&claim.slot) == Some(&claim.until) {
            self.slots.remove(&claim.slot);
        }
    }
}
