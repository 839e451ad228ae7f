//! When to retry a failed job, and how often.
//!
//! The delay doubles with each attempt up to a ceiling. Each value below it is equally likely (*full
//! jitter*), so jobs that failed together do not retry together:
//! <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
//!
//! Each retry takes from the tenant's *retry budget*, and each success refills it. If all jobs of a
//! tenant fail, the budget is soon empty, and each further job is dead after one attempt. Without a
//! budget, retries multiply the load while everything fails.
//!
//! ```
//! use bulkhead_resilience::retry::Budget;
//!
//! let mut budget = Budget::FULL;
//! let retries = std::iter::from_fn(|| budget.spend().then_some(())).count();
//! assert_eq!(retries, 10);
//! ```

use std::time::Duration;

/// The delay before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest delay after the first attempt.
    pub base: Duration,
    /// The longest delay after any number of attempts.
    pub ceiling: Duration,
}

impl Backoff {
    /// Returns the delay after failed attempt number `attempt`, counted from 1. `random` selects a value
    /// between zero and the longest delay.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(32);
        let longest =
            self.base.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.ceiling);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random % longest.saturating_add(1))
    }
}

/// The retries a tenant has left, in hundredths of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u32,
}

impl Budget {
    /// A full budget: ten retries.
    pub const FULL: Self = Self { left: 1_000 };
    /// What one success refills: one retry for every five successes.
    const REFILL: u32 = 20;
    const ATTEMPT: u32 = 100;

    /// Returns a budget of `left` hundredths, at most a full one.
    pub fn of(left: u32) -> Self {
        Self { left: left.min(Self::FULL.left) }
    }

    /// Returns what is left, in hundredths of a retry.
    pub fn left(self) -> u32 {
        self.left
    }

    /// Takes one retry, and returns whether one was left.
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
