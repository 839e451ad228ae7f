//! A shared rate holds, whoever reserves.

use std::num::NonZeroU32;
use std::time::Duration;

use bulkhead_resilience::Instant;
use bulkhead_resilience::throttle::{Throttle, Turn};
use proptest::prelude::*;

const PATIENT: Duration = Duration::from_secs(3_600);

fn throttle(rate: u32) -> Throttle {
    Throttle { rate: NonZeroU32::MIN.saturating_add(rate - 1) }
}

#[test]
fn the_first_turn_begins_at_once_and_the_next_one_after_it() {
    let throttle = throttle(10);
    let first = throttle.turn(Instant(0), Instant(1_000), 5, PATIENT).expect("soon");
    assert_eq!(first, Turn { from: Instant(1_000), until: Instant(501_000) });
    let second = throttle.turn(first.until, Instant(2_000), 5, PATIENT).expect("soon");
    assert_eq!(second, Turn { from: Instant(501_000), until: Instant(1_001_000) });
}

#[test]
fn a_turn_that_begins_too_late_is_not_taken() {
    let throttle = throttle(1);
    let patience = Duration::from_secs(2);
    assert!(throttle.turn(Instant(2_000_000), Instant(0), 1, patience).is_some());
    assert!(throttle.turn(Instant(2_000_001), Instant(0), 1, patience).is_none());
}

proptest! {
    /// Over any time, no more is begun than the rate allows, beyond the one turn that is
    /// being taken: a pause is not made up for.
    #[test]
    fn the_rate_holds(rate in 1..200_u32, wants in prop::collection::vec((0..400_000_i64, 1..64_u32), 1..60)) {
        let throttle = throttle(rate);
        let (mut now, mut used) = (Instant(0), Instant(0));
        let mut begun: Vec<(Instant, u32)> = vec![];
        for (pause, calls) in wants {
            now = Instant(now.0 + pause);
            let turn = throttle.turn(used, now, calls, PATIENT).expect("patient");
            prop_assert!(turn.from >= now && turn.from >= used && turn.until > turn.from);
            used = turn.until;
            begun.push((turn.from, calls));
        }
        for (at, (first, _)) in begun.iter().enumerate() {
            let mut sum = 0_u64;
            for (from, calls) in &begun[at..] {
                // What was begun before this turn has had its time.
                let passed = u64::try_from(from.0 - first.0).expect("in order");
                prop_assert!(sum * 1_000_000 <= passed * u64::from(rate) + u64::from(rate), "{begun:?}");
                sum += u64::from(*calls);
            }
        }
    }
}
