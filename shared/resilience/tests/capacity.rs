//! The limits hold for many processes that claim at once on what they last saw.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use bulkhead_resilience::capacity::{Cap, Claim, Instant, Ledger, Limit, Pace};
use proptest::prelude::*;

const PROCESSES: usize = 4;
const START: i64 = 1_795_480_487_000_000;

fn cap(in_flight: u16, rate: u32, burst: u32, life: u64) -> Cap {
    Cap {
        in_flight: NonZeroU16::new(in_flight).expect("not 0"),
        rate: NonZeroU32::new(rate).expect("not 0"),
        burst: NonZeroU32::new(burst).expect("not 0"),
        life: Duration::from_micros(life),
    }
}

fn caps() -> impl Strategy<Value = Cap> {
    (1_u16..6, 1_u32..2_000, 1_u32..8, 1_000_u64..3_000_000)
        .prop_map(|(in_flight, rate, burst, life)| cap(in_flight, rate, burst, life))
}

/// What one of the processes does next.
#[derive(Debug, Clone)]
enum Step {
    /// Time goes on, microseconds.
    Wait(u32),
    /// A process reads the ledger, and keeps what it saw.
    Look(usize),
    /// A process decides on what it last saw, and tries to take that.
    Claim(usize, u64),
    /// A process gives back one of the places it thinks it holds, perhaps long over.
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = 0..PROCESSES;
    let step = prop_oneof![
        3 => (0_u32..2_000_000).prop_map(Step::Wait),
        2 => process.clone().prop_map(Step::Look),
        8 => (process.clone(), any::<u64>()).prop_map(|(who, dice)| Step::Claim(who, dice)),
        3 => process.prop_map(Step::GiveBack),
    ];
    prop::collection::vec(step, 1..160)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn neither_limit_is_ever_passed(cap in caps(), steps in steps()) {
        let (mut now, mut ledger) = (Instant(START), Ledger::default());
        let mut seen = vec![Ledger::default(); PROCESSES];
        let mut held: Vec<Vec<Claim>> = vec![vec![]; PROCESSES];
        let (mut taken, mut admitted) = (vec![], vec![]);
        for step in steps {
            match step {
                Step::Wait(microseconds) => now = Instant(now.0 + i64::from(microseconds)),
                Step::Look(who) => seen[who] = ledger.clone(),
                Step::Claim(who, dice) => {
                    let Ok(claim) = cap.decide(&seen[who], now, dice) else { continue };
                    let before = ledger.clone();
                    if ledger.take(&claim) {
                        prop_assert!(ledger.used_until > before.used_until, "the rate was given back");
                        held[who].push(claim);
                        taken.push(claim);
                        admitted.push(now.0);
                    } else {
                        prop_assert_eq!(&before, &ledger, "a refused claim changed the ledger");
                    }
                }
                Step::GiveBack(who) => {
                    if let Some(claim) = held[who].pop() {
                        ledger.give_back(&claim);
                        taken.retain(|each| *each != claim);
                    }
                }
            }
            let live = taken.iter().filter(|claim| claim.until > now);
            prop_assert!(live.count() <= usize::from(cap.in_flight.get()), "too many in flight");
            for claim in taken.iter().filter(|claim| claim.until > now) {
                prop_assert_eq!(ledger.holds.get(&claim.place), Some(&claim.until), "a live hold was lost");
            }
        }
        // Whatever the window, no more than the burst and what the rate gives in it.
        let step = i64::from(1_000_000_u32.div_ceil(cap.rate.get()));
        for (first, from) in admitted.iter().enumerate() {
            for (last, to) in admitted.iter().enumerate().skip(first) {
                let most = i64::from(cap.burst.get()) + (to - from) / step;
                prop_assert!((last - first + 1) as i64 <= most, "too many in {} µs", to - from);
            }
        }
    }

    /// A refusal says when to come again, and is right about it.
    #[test]
    fn who_waits_as_told_is_let_in(cap in caps(), dice: u64, calls in 1_usize..40) {
        let (mut now, mut ledger) = (Instant(START), Ledger::default());
        for _ in 0..calls {
            let Err(refusal) = cap.decide(&ledger, now, dice) else {
                let claim = cap.decide(&ledger, now, dice).expect("decided the same again");
                prop_assert!(ledger.take(&claim));
                continue;
            };
            if !refusal.after.is_zero() {
                let early = Instant(now.0 + refusal.after.as_micros() as i64 - 1);
                prop_assert!(cap.decide(&ledger, early, dice).is_err(), "it could have come earlier");
            }
            now = Instant(now.0 + refusal.after.as_micros() as i64);
            let again = cap.decide(&ledger, now, dice);
            prop_assert!(again.is_ok_and(|claim| ledger.take(&claim)) || refusal.limit == Limit::Rate);
        }
    }

    /// Where a process is refused for the rate by what it remembers, the ledger itself
    /// would refuse it too.
    #[test]
    fn an_old_refusal_for_the_rate_is_final(cap in caps(), others in 0_usize..20, dice: u64) {
        let now = Instant(START);
        let mut ledger = Ledger::default();
        for _ in 0..8 {
            cap.decide(&ledger, now, dice).map(|claim| ledger.take(&claim)).ok();
            ledger.holds.clear();
        }
        let remembered = ledger.clone();
        for _ in 0..others {
            cap.decide(&ledger, now, dice).map(|claim| ledger.take(&claim)).ok();
        }
        if let Err(refusal) = cap.decide(&remembered, now, dice) && refusal.limit == Limit::Rate {
            prop_assert_eq!(cap.decide(&ledger, now, dice).map_err(|now| now.limit), Err(Limit::Rate));
        }
    }
}

#[test]
fn places_of_the_dead_come_back_when_their_time_is_over() {
    let cap = cap(2, 1_000_000, 1_000, 35_000_000);
    let (mut ledger, start) = (Ledger::default(), Instant(START));
    for _ in 0..2 {
        let claim = cap.decide(&ledger, start, 7).expect("a place");
        assert!(ledger.take(&claim));
    }
    let last = Instant(START + 34_999_999);
    let refusal = cap.decide(&ledger, last, 7).expect_err("both are taken");
    assert_eq!((refusal.limit, refusal.after), (Limit::InFlight, Duration::from_micros(1)));
    let claim = cap.decide(&ledger, Instant(START + 35_000_000), 7).expect("they came back");
    assert!(ledger.take(&claim));
}

#[test]
fn a_late_return_does_not_free_the_place_of_the_next() {
    let cap = cap(1, 1_000_000, 1_000, 1_000_000);
    let mut ledger = Ledger::default();
    let first = cap.decide(&ledger, Instant(START), 0).expect("a place");
    assert!(ledger.take(&first));
    let second = cap.decide(&ledger, Instant(START + 2_000_000), 0).expect("its time is over");
    assert!(ledger.take(&second));
    ledger.give_back(&first);
    assert_eq!(ledger.holds.get(&0), Some(&second.until));
}

#[test]
fn a_burst_is_let_in_at_once_and_then_the_rate_counts() {
    let cap = cap(100, 10, 3, 1_000_000);
    let (mut ledger, now) = (Ledger::default(), Instant(START));
    for call in 0..3 {
        let claim = cap.decide(&ledger, now, call).expect("within the burst");
        assert_eq!(matches!(claim.pace, Pace::Anew { .. }), call == 0);
        assert!(ledger.take(&claim));
    }
    let refusal = cap.decide(&ledger, now, 0).expect_err("the burst is used up");
    assert_eq!((refusal.limit, refusal.after), (Limit::Rate, Duration::from_millis(100)));
}
