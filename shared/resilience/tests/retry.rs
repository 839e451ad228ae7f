//! Delays double up to the ceiling. Successes bound the retries.

use std::time::Duration;

use bulkhead_resilience::retry::{Backoff, Budget};
use proptest::prelude::*;

const BACKOFF: Backoff = Backoff { base: Duration::from_secs(5), ceiling: Duration::from_secs(600) };

proptest! {
    #[test]
    fn a_delay_is_at_most_the_doubled_base_and_the_ceiling(attempt in 0_u32.., random in 0_u64..) {
        let doubled = 5_000_u128 << attempt.saturating_sub(1).min(32);
        prop_assert!(BACKOFF.delay(attempt, random).as_millis() <= doubled.min(600_000));
    }

    /// In any order of failures and successes: at most a full budget and a fifth of the successes.
    #[test]
    fn retries_are_a_share_of_successes(events in prop::collection::vec(any::<bool>(), 0..400)) {
        let (mut budget, mut retries, mut successes) = (Budget::FULL, 0, 0);
        for success in events {
            if success {
                successes += 1;
                budget.earn();
            } else if budget.spend() {
                retries += 1;
            }
            prop_assert!(budget.left() <= Budget::FULL.left());
        }
        prop_assert!(retries <= 10 + successes / 5);
    }
}

#[test]
fn each_delay_up_to_the_longest_is_possible() {
    assert_eq!(BACKOFF.delay(1, 0), Duration::ZERO);
    assert_eq!(BACKOFF.delay(1, 5_000), Duration::from_secs(5));
    assert_eq!(BACKOFF.delay(2, 10_000), Duration::from_secs(10));
    assert_eq!(BACKOFF.delay(30, 600_000), Duration::from_secs(600));
}

#[test]
fn an_empty_budget_allows_a_retry_after_five_successes() {
    let mut budget = Budget::of(100);
    assert!(budget.spend() && !budget.spend());
    for _ in 0..4 {
        budget.earn();
        assert!(!budget.spend());
    }
    budget.earn();
    assert!(budget.spend());
}
