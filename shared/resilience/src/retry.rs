//! When a job that failed is tried again, and how often.
//!
//! The delay doubles with each attempt up to a ceiling, and any time below it is as likely
//! as any other (*full jitter*), so that what failed together does not come back together:
//! <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
//!
//! Beyond its first attempt, a job takes from its tenant's *retry budget*, which successes
//! refill. A tenant all of whose jobs fail soon has none left, and each further job of it is
//! given up after one attempt: without a budget, retries multiply the load just when
//! everything fails.

use std::time::Duration;

/// How long a job waits for its next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest delay after the first attempt.
    pub base: Duration,
    /// The longest delay at all.
    pub ceiling: Duration,
}

impl Backoff {
    /// Returns how long to wait after the `attempt`th attempt (from 1) failed: `dice` chooses
    /// between nothing and the longest.
    pub fn delay(&self, attempt: u32, dice: u64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(32);
        let longest =
            self.base.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.ceiling);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(dice % longest.saturating_add(1))
    }
}

/// What a tenant may still retry, in hundredths of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u32,
}

impl Budget {
    /// A full budget: ten retries.
    pub const FULL: Self = Self { left: 1_000 };
    /// What a success refills: every fifth job of a healthy tenant may be a retry.
    const REFILL: u32 = 20;
    const ATTEMPT: u32 = 100;

    /// Returns a budget of `left` hundredths, no more than a full one.
    pub fn of(left: u32) -> Self {
        Self { left: left.min(Self::FULL.left) }
    }

    /// Returns what is left, hundredths of an attempt.
    pub fn left(self) -> u32 {
        self.left
    }

    /// Takes one retry, if there is one left.
    pub fn spend(&mut self) -> bool {
        let left = self.left.checked_sub(Self::ATTEMPT);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Refills after a success.
    pub fn earn(&mut self) {
        *self = Self::of(self.left.saturating_add(Self::REFILL));
    }
}
