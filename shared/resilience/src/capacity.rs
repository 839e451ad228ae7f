//! A tenant's share of a tier: how many calls at once, and how many in a time.
//!
//! Calls in flight are *holds*: each occupies one of the tenant's numbered places until it
//! is given back, or until its time is over. Whoever holds a place may die; the place comes
//! back by itself. Calls per second are counted by the generic cell rate algorithm: one
//! number says up to when the tenant has used up its rate.
//!
//! [`Cap::decide`] proposes a [`Claim`] on a [`Ledger`] that may be out of date. A claim
//! takes effect by [`Ledger::take`] alone, or by a conditional write with the same
//! conditions, which is refused where the ledger has changed in a way that matters. So the
//! limits hold however many processes claim at once, and whatever they believed.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

pub use crate::Instant;
use crate::instant::microseconds;

/// The most that a tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Calls in flight.
    pub in_flight: NonZeroU16,
    /// Calls per second, in the long run.
    pub rate: NonZeroU32,
    /// Calls at once after a pause.
    pub burst: NonZeroU32,
    /// After this time a place comes back although nobody gave it back. Longer than any
    /// call may take.
    pub life: Duration,
}

/// Which limit refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Too many calls at once.
    InFlight,
    /// Too many calls in this time.
    Rate,
}

/// No place for this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Which limit refused.
    pub limit: Limit,
    /// When it is worth trying again. Exact for the rate, if nobody else calls; for calls
    /// in flight the latest, since most are given back earlier.
    pub after: Duration,
}

/// What a tenant uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// When the hold of each occupied place ends.
    pub holds: BTreeMap<u16, Instant>,
    /// Up to when the rate is used up.
    pub used_until: Instant,
}

/// How a claim changes what is used of the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The tenant was idle: it begins anew. Only where nothing is used beyond now.
    Anew {
        /// Up to when the rate is then used up.
        until: Instant,
    },
    /// It goes on. Only where something is used beyond now, and no more than `latest`.
    On {
        /// What is added, microseconds.
        step: i64,
        /// The last moment up to which it may be used before.
        latest: Instant,
    },
}

/// A place for one call, if nobody takes it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The place.
    pub place: u16,
    /// When the hold ends. Names this hold: no other hold of the place ends then.
    pub until: Instant,
    /// When it was claimed.
    pub now: Instant,
    /// What it uses of the rate.
    pub pace: Pace,
}

impl Cap {
    /// Proposes a place for one call, on the ledger as it is believed to be. Among the free
    /// places `dice` chooses, so that processes seldom claim the same.
    ///
    /// # Errors
    /// [`Refusal`]. One for the rate is final even where `ledger` is old: what is used of
    /// the rate never becomes less.
    pub fn decide(&self, ledger: &Ledger, now: Instant, dice: u64) -> Result<Claim, Refusal> {
        let pace = self.pace(ledger, now)?;
        let free = || (0..self.in_flight.get()).filter(|place| ledger.is_free(*place, now));
        let count = u64::try_from(free().count()).unwrap_or(u64::MAX);
        let chosen = dice.checked_rem(count).and_then(|nth| free().nth(usize::try_from(nth).ok()?));
        match chosen {
            Some(place) => Ok(Claim { place, until: now.after(microseconds(self.life)), now, pace }),
            None => {
                let next = ledger.holds.values().min().copied().unwrap_or(now);
                Err(Refusal { limit: Limit::InFlight, after: next.since(now) })
            }
        }
    }

    /// Returns how many places of `ledger` nobody holds.
    pub fn free(&self, ledger: &Ledger, now: Instant) -> u16 {
        let free = (0..self.in_flight.get()).filter(|place| ledger.is_free(*place, now)).count();
        u16::try_from(free).unwrap_or(u16::MAX)
    }

    fn pace(&self, ledger: &Ledger, now: Instant) -> Result<Pace, Refusal> {
        let step = self.step();
        if ledger.used_until <= now {
            return Ok(Pace::Anew { until: now.after(step) });
        }
        let latest = now.after(step.saturating_mul(i64::from(self.burst.get()) - 1));
        if ledger.used_until <= latest {
            return Ok(Pace::On { step, latest });
        }
        Err(Refusal { limit: Limit::Rate, after: ledger.used_until.since(latest) })
    }

    /// What one call uses, microseconds.
    fn step(&self) -> i64 {
        i64::from(1_000_000_u32.div_ceil(self.rate.get()))
    }
}

impl Ledger {
    /// Whether nobody holds `place`, or its time is over.
    fn is_free(&self, place: u16, now: Instant) -> bool {
        self.holds.get(&place).is_none_or(|until| *until <= now)
    }

    /// Carries out `claim` if its conditions hold, and says whether they did.
    ///
    /// What this does, a conditional write does where the ledger is stored; the conditions
    /// are the same three.
    pub fn take(&mut self, claim: &Claim) -> bool {
        if !self.is_free(claim.place, claim.now) {
            return false;
        }
        self.used_until = match claim.pace {
            Pace::Anew { until } if self.used_until <= claim.now => until,
            Pace::On { step, latest } if self.used_until > claim.now && self.used_until <= latest => {
                self.used_until.after(step)
            }
            _ => return false,
        };
        self.holds.insert(claim.place, claim.until);
        true
    }

    /// Gives the place of `claim` back, if it still holds it.
    pub fn give_back(&mut self, claim: &Claim) {
        if self.holds.get(&claim.place) == Some(&claim.until) {
            self.holds.remove(&claim.place);
        }
    }
}
