//! Budgets hold for any interleaving of reservations, settlements, crashes, expiry and changes of day and month.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bulkhead_resilience::budget::{
    Allowance, Amount, Budget, Day, Ledger, MAX_LIFETIME, Period, Reservation, Reserve, Unit,
};
use bulkhead_resilience::{MAX_CLOCK_SKEW, Timestamp};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: i64 = 3_600_000_000;

fn tokens(tokens: u64) -> Amount {
    Amount { tokens, money: tokens * 7 }
}

fn budget(daily: u64, monthly: u64) -> Budget {
    let allowance = |limit: u64| Allowance { tokens: Some(limit), money: Some(limit * 7) };
    Budget { daily: allowance(daily), monthly: allowance(monthly) }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

#[test]
fn a_day_has_its_text_and_its_bounds() {
    for (text, day) in [("1970-01-01", 0), ("1969-12-31", -1), ("2024-02-29", 19_782), ("2026-11-27", 20_784)]
    {
        assert_eq!(Day(day).to_string(), text);
        assert_eq!(text.parse(), Ok(Day(day)));
        assert_eq!(Day::of(Day(day).start()), Day(day));
    }
    for text in ["2026-1-01", "2026-02-30", "20260101", "2026-01-01T00:00", "+026-01-01", ""] {
        assert!(text.parse::<Day>().is_err(), "{text}");
    }
    let next = |text: &str| text.parse::<Day>().expect("a day").next_month().to_string();
    assert_eq!((next("2026-12-31"), next("2024-02-29")), ("2027-01-01".into(), "2024-03-01".into()));
    // A damaged day is only far away.
    assert_eq!(Day(i32::MAX).to_string(), "9999-12-31");
}

#[test]
fn refusal_says_what_is_left_and_when_it_resets() {
    let (mut ledger, now) = (Ledger::default(), at("2026-11-27T12:00:00.000Z"));
    let reserve = |ledger: &Ledger, id, need| budget(100, 150).reserve(ledger, now, id, tokens(need), MINUTE);
    assert!(ledger.apply(&reserve(&ledger, 1, 60).expect("room")));
    let refused = reserve(&ledger, 2, 41).expect_err("40 left");
    assert_eq!((refused.period, refused.unit, refused.limit), (Period::Day, Unit::Tokens, 100));
    assert_eq!((refused.remaining, refused.reserved, refused.needed), (40, 60, 41));
    assert_eq!(refused.resets_at, at("2026-11-28T00:00:00.000Z"));

    let tomorrow = at("2026-11-28T12:00:00.000Z");
    let refused = budget(100, 150).reserve(&ledger, tomorrow, 2, tokens(151), MINUTE).expect_err("the day");
    assert_eq!((refused.period, refused.remaining), (Period::Day, 100));
    let month = Budget { daily: Allowance::default(), ..budget(0, 150) };
    // The reservation of yesterday expired.
    assert!(month.reserve(&ledger, tomorrow, 2, tokens(150), MINUTE).is_ok());
    let refused = month.reserve(&ledger, now, 2, tokens(91), MINUTE).expect_err("90 left");
    assert_eq!((refused.period, refused.resets_at), (Period::Month, at("2026-12-01T00:00:00.000Z")));
    let money = Allowance { tokens: None, money: Some(699) };
    let refused = Budget { daily: money, monthly: Allowance::default() };
    let refused = refused.reserve(&Ledger::default(), now, 2, tokens(100), MINUTE).expect_err("700");
    assert_eq!((refused.unit, refused.remaining, refused.needed), (Unit::Money, 699, 700));
}

#[test]
fn crashed_call_comes_back_when_its_reservation_expires() {
    let (mut ledger, now) = (Ledger::default(), at("2026-11-27T12:00:00.000Z"));
    let first = budget(100, 1000).reserve(&ledger, now, 1, tokens(100), MINUTE).expect("room");
    assert!(ledger.apply(&first));
    let before = first.reservation.until.0 - 1;
    assert!(budget(100, 1000).reserve(&ledger, Timestamp(before), 2, tokens(1), MINUTE).is_err());
    let second = budget(100, 1000).reserve(&ledger, now.after(MINUTE), 2, tokens(100), MINUTE).expect("room");
    assert!(ledger.apply(&second));
    assert_eq!(ledger.daily, tokens(100));
    // The first call did not crash but stood still. What it used counts, although the budget is reserved again.
    assert!(ledger.settle(&ledger.settlement(1, first.reservation, tokens(30))));
    assert_eq!((ledger.daily, ledger.monthly), (tokens(130), tokens(130)));
}

#[test]
fn call_counts_in_the_day_of_its_reservation() {
    let (mut ledger, late) = (Ledger::default(), at("2026-11-30T23:59:59.000Z"));
    let first = budget(100, 100).reserve(&ledger, late, 1, tokens(80), MINUTE).expect("room");
    assert!(ledger.apply(&first));
    // A new day and a new month have their whole budgets.
    let next = late.after(Duration::from_secs(2));
    assert!(ledger.apply(&budget(100, 100).reserve(&ledger, next, 2, tokens(100), MINUTE).expect("room")));
    assert!(ledger.settle(&ledger.settlement(1, first.reservation, tokens(50))));
    assert_eq!((ledger.daily, ledger.monthly), (tokens(100), tokens(100)));
    // A process whose clock is late works with the day of the ledger.
    assert!(budget(100, 100).reserve(&ledger, late, 3, tokens(1), MINUTE).is_err());
}

#[test]
fn damaged_times_do_not_count() {
    let now = at("2026-11-27T12:00:00.000Z");
    let far = Day::of(now).plus(400);
    let mut ledger = Ledger { day: Some(far), daily: tokens(100), monthly: tokens(100), ..Ledger::default() };
    assert!(ledger.apply(&budget(100, 100).reserve(&ledger, now, 1, tokens(100), MINUTE).expect("room")));
    assert_eq!((ledger.day, ledger.daily), (Some(Day::of(now)), tokens(100)));

    let until = now.after(MAX_LIFETIME + MAX_CLOCK_SKEW + MINUTE);
    let held = Reservation { until, day: Day::of(now), amount: tokens(100) };
    ledger.reservations = [(1, held)].into();
    assert!(ledger.apply(&budget(100, 100).reserve(&ledger, now, 2, tokens(100), MINUTE).expect("room")));
    assert_eq!(ledger.daily, tokens(100));
}

/// A step of a process.
#[derive(Debug, Clone)]
enum Step {
    /// Reads the ledger.
    Look { process: usize },
    /// Tries to reserve, with what the process last saw.
    Reserve { process: usize, need: u64 },
    /// Settles a call with a part of what it reserved, in percent.
    Settle { call: usize, percent: u64 },
    /// A call's process dies.
    Crash { call: usize },
    /// Time passes.
    Wait { microseconds: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..4_usize).prop_map(|process| Step::Look { process }),
        6 => (0..4_usize, 1..60_u64).prop_map(|(process, need)| Step::Reserve { process, need }),
        4 => (0..8_usize, 0..=100_u64).prop_map(|(call, percent)| Step::Settle { call, percent }),
        1 => (0..8_usize).prop_map(|call| Step::Crash { call }),
        2 => (0..20_000_000_i64).prop_map(|microseconds| Step::Wait { microseconds }),
        1 => (HOUR..40 * HOUR).prop_map(|microseconds| Step::Wait { microseconds }),
    ];
    proptest::collection::vec(step, 1..120)
}

struct Process {
    /// How far its clock is behind.
    behind: Duration,
    seen: Ledger,
}

struct Call {
    reserve: Reserve,
    /// When the call ends at the latest.
    ends: Timestamp,
}

/// The longest time that a call runs. Its reservation lives longer by the largest difference of two clocks.
const LONGEST: Duration = Duration::from_secs(35);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Used and reserved amounts never exceed a budget, and the ledger is exactly the sum of the calls.
    #[test]
    fn budget_is_never_exceeded(
        steps in steps(),
        behind in proptest::array::uniform4(0..=60_u64),
        (daily, monthly) in (60..200_u64, 60..400_u64),
    ) {
        let budget = budget(daily, monthly);
        let mut now = at("2026-11-28T20:00:00.000Z");
        let mut ledger = Ledger::default();
        let mut processes = behind.map(|seconds| {
            Process { behind: Duration::from_secs(seconds), seen: Ledger::default() }
        });
        let (mut calls, mut settled, mut id): (Vec<Call>, Vec<(Day, Amount)>, u64) = (vec![], vec![], 0);
        for step in steps {
            match step {
                Step::Look { process } => processes[process].seen = ledger.clone(),
                Step::Reserve { process, need } => {
                    id += 1;
                    let Process { behind, seen } = &mut processes[process];
                    let clock = Timestamp(now.0 - i64::try_from(behind.as_micros()).expect("a number"));
                    let lifetime = LONGEST + MAX_CLOCK_SKEW;
                    if let Ok(reserve) = budget.reserve(seen, clock, id, tokens(need), lifetime) {
                        if ledger.apply(&reserve) {
                            calls.push(Call { reserve, ends: now.after(LONGEST) });
                        } else {
                            *seen = ledger.clone();
                        }
                    }
                }
                Step::Settle { call, percent } if call < calls.len() => {
                    let Call { reserve, ends } = calls.remove(call);
                    if now < ends {
                        let used = tokens(reserve.reservation.amount.tokens * percent / 100);
                        let settlement = ledger.settlement(reserve.id, reserve.reservation, used);
                        prop_assert!(settlement.is_held, "a reservation expired before its call ended");
                        prop_assert!(ledger.settle(&settlement));
                        prop_assert!(!ledger.settle(&settlement), "settled twice");
                        settled.push((reserve.reservation.day, used));
                    }
                }
                Step::Crash { call } if call < calls.len() => drop(calls.remove(call)),
                Step::Settle { .. } | Step::Crash { .. } => {}
                Step::Wait { microseconds } => now = Timestamp(now.0 + microseconds),
            }
            prop_assert!(ledger.daily.tokens <= daily && ledger.monthly.tokens <= monthly, "{ledger:?}");
            prop_assert!(ledger.daily.money <= daily * 7 && ledger.monthly.money <= monthly * 7);
            // The sums are those of the calls.
            let Some(day) = ledger.day else { continue };
            let month = |day: Day| day.next_month();
            let settled = settled.iter().map(|(day, used)| (*day, used.tokens));
            let held = ledger.reservations.values().map(|held| (held.day, held.amount.tokens));
            let all: Vec<_> = settled.chain(held).collect();
            let of_day: u64 = all.iter().filter(|(each, _)| *each == day).map(|(_, tokens)| tokens).sum();
            let of_month: u64 =
                all.iter().filter(|(each, _)| month(*each) == month(day)).map(|(_, tokens)| tokens).sum();
            prop_assert_eq!((ledger.daily.tokens, ledger.monthly.tokens), (of_day, of_month));
            let [today, _] = budget.standings(&ledger, now);
            prop_assert!(today.used.tokens + today.reserved.tokens <= daily);
        }
    }

    /// All of many calls at the same time that fit are served, and not one more.
    #[test]
    fn parallel_calls_use_exactly_the_budget(calls in 51..200_u64, need in 1..100_u64) {
        let (mut ledger, now) = (Ledger::default(), at("2026-11-28T20:00:00.000Z"));
        let budget = budget(50 * need, 1_000_000);
        let mut served = 0;
        for id in 0..calls {
            // Judged by an empty ledger, and then by what the refused write returned.
            for seen in [Ledger::default(), ledger.clone()] {
                let Ok(reserve) = budget.reserve(&seen, now, id, tokens(need), MINUTE) else { break };
                if ledger.apply(&reserve) {
                    served += 1;
                    break;
                }
            }
        }
        prop_assert_eq!((served, ledger.daily.tokens), (50, 50 * need));
    }
}
