//! A shared rate holds for any number of processes.

use std::num::NonZeroU32;
use std::time::Duration;

use bulkhead_resilience::Timestamp;
use bulkhead_resilience::throttle::{Reservation, Throttle};
use proptest::prelude::*;

const LONG: Duration = Duration::from_secs(3_600);

fn throttle(rate: u32) -> Throttle {
    Throttle { rate: NonZeroU32::MIN.saturating_add(rate - 1) }
}

#[test]
fn reservations_follow_one_another() {
    let throttle = throttle(10);
    let first = throttle.reserve(Timestamp(0), Timestamp(1_000), 5, LONG).expect("soon");
    assert_eq!(first, Reservation { from: Timestamp(1_000), until: Timestamp(501_000) });
    let second = throttle.reserve(first.until, Timestamp(2_000), 5, LONG).expect("soon");
    assert_eq!(second, Reservation { from: Timestamp(501_000), until: Timestamp(1_001_000) });
}

#[test]
fn a_reservation_beyond_the_longest_wait_is_not_made() {
    let throttle = throttle(1);
    let max_wait = Duration::from_secs(2);
    assert!(throttle.reserve(Timestamp(2_000_000), Timestamp(0), 1, max_wait).is_some());
    assert!(throttle.reserve(Timestamp(2_000_001), Timestamp(0), 1, max_wait).is_none());
}

#[test]
fn a_damaged_time_does_not_stop_a_tenant() {
    let now = Timestamp(1_795_480_487_000_000);
    let reservation = throttle(10).reserve(Timestamp(i64::MAX), now, 1, LONG).expect("damage is ignored");
    assert_eq!((reservation.from, reservation.until.0), (now, now.0 + 100_000));
}

proptest! {
    /// In any window, no more calls start than the rate allows, plus the current reservation. A pause
    /// does not accumulate.
    #[test]
    fn the_rate_holds(rate in 5..200_u32, wants in prop::collection::vec((0..400_000_i64, 1..64_u32), 1..60)) {
        let throttle = throttle(rate);
        let (mut now, mut used) = (Timestamp(0), Timestamp(0));
        let mut begun: Vec<(Timestamp, u32)> = vec![];
        for (pause, calls) in wants {
            now = Timestamp(now.0 + pause);
            let reservation = throttle.reserve(used, now, calls, LONG).expect("within the longest wait");
            prop_assert!(reservation.from >= now && reservation.from >= used && reservation.until > reservation.from);
            used = reservation.until;
            begun.push((reservation.from, calls));
        }
        for (at, (first, _)) in begun.iter().enumerate() {
            let mut sum = 0_u64;
            for (from, calls) in &begun[at..] {
                // Earlier reservations have ended.
                let passed = u64::try_from(from.0 - first.0).expect("in order");
                prop_assert!(sum * 1_000_000 <= passed * u64::from(rate) + u64::from(rate), "{begun:?}");
                sum += u64::from(*calls);
            }
        }
    }
}
