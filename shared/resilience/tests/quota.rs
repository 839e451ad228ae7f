//! The limits hold for many processes that claim at once, each on the ledger it last read.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use bulkhead_resilience::Timestamp;
use bulkhead_resilience::quota::{Claim, Ledger, Limit, Pace, Quota};
use proptest::prelude::*;

const PROCESSES: usize = 4;
const START: i64 = 1_795_480_487_000_000;

fn quota(in_flight: u16, rate: u32, burst: u32, slot_lifetime: u64) -> Quota {
    Quota {
        in_flight: NonZeroU16::new(in_flight).expect("not 0"),
        rate: NonZeroU32::new(rate).expect("not 0"),
        burst: NonZeroU32::new(burst).expect("not 0"),
        slot_lifetime: Duration::from_micros(slot_lifetime),
    }
}

fn quotas() -> impl Strategy<Value = Quota> {
    (1_u16..6, 1_u32..2_000, 1_u32..8, 1_000_u64..3_000_000)
        .prop_map(|(in_flight, rate, burst, slot_lifetime)| quota(in_flight, rate, burst, slot_lifetime))
}

/// The next action of one process.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, microseconds.
    Wait(u32),
    /// A process reads the ledger and keeps the copy.
    Read(usize),
    /// A process claims a slot based on its copy, and applies the claim to the ledger.
    Claim(usize, u64),
    /// A process releases a slot that it believes it holds. The slot may have expired.
    Release(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = 0..PROCESSES;
    let step = prop_oneof![
        3 => (0_u32..2_000_000).prop_map(Step::Wait),
        2 => process.clone().prop_map(Step::Read),
        8 => (process.clone(), any::<u64>()).prop_map(|(who, random)| Step::Claim(who, random)),
        3 => process.prop_map(Step::Release),
    ];
    prop::collection::vec(step, 1..160)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_limit_is_exceeded(quota in quotas(), steps in steps()) {
        let (mut now, mut ledger) = (Timestamp(START), Ledger::default());
        let mut seen = vec![Ledger::default(); PROCESSES];
        let mut held: Vec<Vec<Claim>> = vec![vec![]; PROCESSES];
        let (mut taken, mut admitted) = (vec![], vec![]);
        for step in steps {
            match step {
                Step::Wait(microseconds) => now = Timestamp(now.0 + i64::from(microseconds)),
                Step::Read(who) => seen[who] = ledger.clone(),
                Step::Claim(who, random) => {
                    let Ok(claim) = quota.claim(&seen[who], now, random) else { continue };
                    let before = ledger.clone();
                    if ledger.apply(&claim) {
                        prop_assert!(ledger.used_until > before.used_until, "used rate decreased");
                        held[who].push(claim);
                        taken.push(claim);
                        admitted.push(now.0);
                    } else {
                        prop_assert_eq!(&before, &ledger, "a refused claim changed the ledger");
                    }
                }
                Step::Release(who) => {
                    if let Some(claim) = held[who].pop() {
                        ledger.release(&claim);
                        taken.retain(|each| *each != claim);
                    }
                }
            }
            let live = taken.iter().filter(|claim| claim.until > now);
            prop_assert!(live.count() <= usize::from(quota.in_flight.get()), "too many in flight");
            for claim in taken.iter().filter(|claim| claim.until > now) {
                prop_assert_eq!(ledger.slots.get(&claim.slot), Some(&claim.until), "an occupied slot was lost");
            }
        }
        // In any window: at most the burst plus the rate multiplied by the window.
        let step = i64::from(1_000_000_u32.div_ceil(quota.rate.get()));
        for (first, from) in admitted.iter().enumerate() {
            for (last, to) in admitted.iter().enumerate().skip(first) {
                let most = i64::from(quota.burst.get()) + (to - from) / step;
                prop_assert!((last - first + 1) as i64 <= most, "too many in {} µs", to - from);
            }
        }
    }

    /// `retry_after` is exact.
    #[test]
    fn a_call_after_retry_after_is_admitted(quota in quotas(), random: u64, calls in 1_usize..40) {
        let (mut now, mut ledger) = (Timestamp(START), Ledger::default());
        for _ in 0..calls {
            let Err(exceeded) = quota.claim(&ledger, now, random) else {
                let claim = quota.claim(&ledger, now, random).expect("same decision");
                prop_assert!(ledger.apply(&claim));
                continue;
            };
            if !exceeded.retry_after.is_zero() {
                let early = Timestamp(now.0 + exceeded.retry_after.as_micros() as i64 - 1);
                prop_assert!(quota.claim(&ledger, early, random).is_err(), "an earlier retry would succeed");
            }
            now = Timestamp(now.0 + exceeded.retry_after.as_micros() as i64);
            let again = quota.claim(&ledger, now, random);
            prop_assert!(again.is_ok_and(|claim| ledger.apply(&claim)) || exceeded.limit == Limit::Rate);
        }
    }

    /// If an outdated copy says that the rate is used, the current ledger says so too.
    #[test]
    fn rate_exceeded_on_an_old_ledger_is_final(quota in quotas(), others in 0_usize..20, random: u64) {
        let now = Timestamp(START);
        let mut ledger = Ledger::default();
        for _ in 0..8 {
            quota.claim(&ledger, now, random).map(|claim| ledger.apply(&claim)).ok();
            ledger.slots.clear();
        }
        let remembered = ledger.clone();
        for _ in 0..others {
            quota.claim(&ledger, now, random).map(|claim| ledger.apply(&claim)).ok();
        }
        if let Err(exceeded) = quota.claim(&remembered, now, random) && exceeded.limit == Limit::Rate {
            prop_assert_eq!(quota.claim(&ledger, now, random).map_err(|now| now.limit), Err(Limit::Rate));
        }
    }
}

#[test]
fn slots_of_crashed_processes_expire() {
    let quota = quota(2, 1_000_000, 1_000, 35_000_000);
    let (mut ledger, start) = (Ledger::default(), Timestamp(START));
    for _ in 0..2 {
        let claim = quota.claim(&ledger, start, 7).expect("a free slot");
        assert!(ledger.apply(&claim));
    }
    let last = Timestamp(START + 34_999_999);
    let exceeded = quota.claim(&ledger, last, 7).expect_err("both slots are taken");
    assert_eq!((exceeded.limit, exceeded.retry_after), (Limit::InFlight, Duration::from_micros(1)));
    let claim = quota.claim(&ledger, Timestamp(START + 35_000_000), 7).expect("both slots expired");
    assert!(ledger.apply(&claim));
}

#[test]
fn a_late_release_does_not_free_the_next_claim() {
    let quota = quota(1, 1_000_000, 1_000, 1_000_000);
    let mut ledger = Ledger::default();
    let first = quota.claim(&ledger, Timestamp(START), 0).expect("a free slot");
    assert!(ledger.apply(&first));
    let second = quota.claim(&ledger, Timestamp(START + 2_000_000), 0).expect("the first claim expired");
    assert!(ledger.apply(&second));
    ledger.release(&first);
    assert_eq!(ledger.slots.get(&0), Some(&second.until));
}

#[test]
fn a_burst_is_admitted_before_the_rate_applies() {
    let quota = quota(100, 10, 3, 1_000_000);
    let (mut ledger, now) = (Ledger::default(), Timestamp(START));
    for call in 0..3 {
        let claim = quota.claim(&ledger, now, call).expect("within the burst");
        assert_eq!(matches!(claim.pace, Pace::Restart { .. }), call == 0);
        assert!(ledger.apply(&claim));
    }
    let exceeded = quota.claim(&ledger, now, 0).expect_err("the burst is used");
    assert_eq!((exceeded.limit, exceeded.retry_after), (Limit::Rate, Duration::from_millis(100)));
}

#[test]
fn damaged_times_do_not_lock_a_tenant_out() {
    let quota = quota(2, 50, 10, 1_000_000);
    let (now, far) = (Timestamp(START), Timestamp(i64::MAX));
    let mut ledger = Ledger { slots: [(0, far), (1, far)].into(), used_until: far };
    assert_eq!(quota.free_slots(&ledger, now), 2);
    let claim = quota.claim(&ledger, now, 1).expect("damage is ignored");
    assert!(matches!(claim.pace, Pace::Repair { .. }));
    let mut changed = Ledger { used_until: Timestamp(START + 1), ..ledger.clone() };
    assert!(!changed.apply(&claim), "another process repaired the ledger first");
    assert!(ledger.apply(&claim));
    assert_eq!(ledger.used_until, Timestamp(START + 20_000));
    assert_eq!(ledger.slots.get(&claim.slot), Some(&claim.until));
    // The furthest times that a process writes still count.
    let full =
        Ledger { slots: [(0, claim.until), (1, claim.until)].into(), used_until: Timestamp::default() };
    assert_eq!(quota.claim(&full, now, 0).expect_err("no slot is free").limit, Limit::InFlight);
    let used = Ledger { used_until: Timestamp(START + 10 * 20_000), ..Ledger::default() };
    assert_eq!(quota.claim(&used, now, 0).expect_err("the rate is used").limit, Limit::Rate);
}
