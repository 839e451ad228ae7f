//! A tenant's budgets: tokens and money per day and per month.
//!
//! A call *reserves* the most that it can cost before it starts, and *settles* what it did cost. The [`Ledger`] has one
//! sum per period: what settled calls used, and what calls in flight reserve. A reservation is granted only if the sum
//! stays within the budget. So the budget holds for any number of processes that reserve at the same time.
//!
//! A call counts in the day and the month in which it reserved. If a process dies, its reservations expire, and what
//! they reserved comes back.
//!
//! [`Budget::reserve`] proposes a [`Reserve`] on a ledger that may be out of date. It takes effect only through
//! [`Ledger::apply`], or through a conditional write with the same conditions.
//!
//! ```
//! use std::time::Duration;
//!
//! use bulkhead_resilience::Timestamp;
//! use bulkhead_resilience::budget::{Allowance, Amount, Budget, Ledger};
//!
//! let daily = Allowance { tokens: Some(100), money: None };
//! let budget = Budget { daily, monthly: Allowance::default() };
//! let (mut ledger, now) = (Ledger::default(), Timestamp(0));
//! let (minute, need) = (Duration::from_secs(60), Amount { tokens: 80, money: 0 });
//! let first = budget.reserve(&ledger, now, 1, need, minute).expect("80 of 100");
//! assert!(ledger.apply(&first));
//! assert!(budget.reserve(&ledger, now, 2, need, minute).is_err());
//! // The call used 30.
//! let used = Amount { tokens: 30, money: 0 };
//! assert!(ledger.settle(&ledger.settlement(first.id, first.reservation, used)));
//! assert_eq!(budget.reserve(&ledger, now, 2, need, minute).expect_err("70 are left").remaining, 70);
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use crate::{MAX_CLOCK_SKEW, Timestamp};

/// The longest lifetime of a reservation: longer than any function may run, which is 15 minutes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_LIFETIME: Duration = Duration::from_secs(16 * 60);

/// Maximum expired reservations that one write removes.
///
/// Source: an expression of DynamoDB has at most 300 operators and 4 KB.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_REMOVED: usize = 100;

/// The epoch of [`Day`].
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A day in UTC: the number of days since 1970-01-01. As text: `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

/// The text is not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day has the form 2026-01-31")]
pub struct InvalidDay;

impl Day {
    /// Returns the day of `timestamp`.
    pub fn of(timestamp: Timestamp) -> Self {
        Self(i32::try_from(timestamp.as_seconds().div_euclid(86_400)).unwrap_or(i32::MAX))
    }

    /// Returns the day `days` later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Returns when the day begins.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0).saturating_mul(86_400_000_000))
    }

    /// Returns the first day of the month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self::from(self.date().first_of_month())
    }

    /// Returns the first day of the next month.
    #[must_use]
    pub fn next_month(self) -> Self {
        let first = self.date().first_of_month();
        first.checked_add(1.month()).map_or(self, Self::from)
    }

    /// Returns a number that is the same for all days of a month, and for no others.
    fn month(self) -> i32 {
        let date = self.date();
        i32::from(date.year()) * 12 + i32::from(date.month())
    }

    fn date(self) -> Date {
        let since = Span::new().try_days(self.0).ok();
        since.and_then(|span| EPOCH.checked_add(span).ok()).unwrap_or(Date::MAX)
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(EPOCH.until(date).map_or(0, |span| span.get_days()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let is_plain = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_plain {
            return Err(InvalidDay);
        }
        text.parse::<Date>().map(Self::from).map_err(|_| InvalidDay)
    }
}

/// Tokens and their price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Tokens.
    pub tokens: u64,
    /// Pico-US-dollars: 0.06 US dollars per million tokens are 60,000 per token, so no price needs a fraction.
    pub money: u64,
}

impl Amount {
    /// Returns the larger tokens and the larger price of both.
    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        Self { tokens: self.tokens.max(other.tokens), money: self.money.max(other.money) }
    }
}

/// Limits of one period. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Tokens.
    pub tokens: Option<u64>,
    /// Pico-US-dollars.
    pub money: Option<u64>,
}

/// The budgets of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Limits of each day in UTC.
    pub daily: Allowance,
    /// Limits of each month in UTC.
    pub monthly: Allowance,
}

/// A period of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day in UTC.
    Day,
    /// A month in UTC.
    Month,
}

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Tokens.
    Tokens,
    /// Pico-US-dollars.
    Money,
}

/// The budget has no room for the most that the call can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// The period whose budget has no room.
    pub period: Period,
    /// What has no room.
    pub unit: Unit,
    /// The budget.
    pub limit: u64,
    /// What is left of it beside used and reserved amounts.
    pub remaining: u64,
    /// What calls in flight reserve.
    pub reserved: u64,
    /// The most that the call can cost.
    pub needed: u64,
    /// When the period ends.
    pub resets_at: Timestamp,
}

/// What is used of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The period.
    pub period: Period,
    /// What settled calls used.
    pub used: Amount,
    /// What calls in flight reserve.
    pub reserved: Amount,
    /// The limits.
    pub allowance: Allowance,
    /// When the period ends.
    pub resets_at: Timestamp,
}

/// The most that one call can cost, until it settles or the reservation expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// When the reservation expires.
    pub until: Timestamp,
    /// The day in which the call counts.
    pub day: Day,
    /// The amount.
    pub amount: Amount,
}

/// What a tenant uses of its budgets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The day of the sums; `None` if nothing was ever reserved.
    pub day: Option<Day>,
    /// Used and reserved on that day.
    pub daily: Amount,
    /// Used and reserved in the month of that day.
    pub monthly: Amount,
    /// The calls in flight, also those of earlier days.
    pub reservations: BTreeMap<u64, Reservation>,
}

/// A change of one sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Whether the sum begins again at zero, because its period is new.
    pub reset: bool,
    /// What is added.
    pub tokens: i128,
    /// What is added, pico-US-dollars.
    pub money: i128,
}

/// The largest sums that leave room. Conditions of a [`Reserve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtMost {
    /// Tokens; `None` is no condition.
    pub tokens: Option<i128>,
    /// Pico-US-dollars; `None` is no condition.
    pub money: Option<i128>,
}

/// A proposed reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserve {
    /// Identifies the reservation. Condition: it is new.
    pub id: u64,
    /// The reservation.
    pub reservation: Reservation,
    /// The day of the ledger that was seen. Condition: it is the same.
    pub seen: Option<Day>,
    /// The change of the daily sum.
    pub daily: Change,
    /// Condition on the daily sum.
    pub daily_at_most: AtMost,
    /// The change of the monthly sum.
    pub monthly: Change,
    /// Condition on the monthly sum.
    pub monthly_at_most: AtMost,
    /// Expired reservations to remove. Condition: they are unchanged.
    pub expired: Vec<(u64, Reservation)>,
}

/// A proposed settlement: replaces a reservation by what the call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The reservation's id.
    pub id: u64,
    /// The reservation. Condition: if `is_held`, the ledger has it unchanged; otherwise it does not have it.
    pub reservation: Reservation,
    /// Whether the ledger has the reservation. If it does not, the reservation expired, and the use counts anyway.
    pub is_held: bool,
    /// The day of the ledger that was seen. Condition: it is the same.
    pub seen: Option<Day>,
    /// The change of the daily sum.
    pub daily: Change,
    /// The change of the monthly sum.
    pub monthly: Change,
}

impl Budget {
    /// Proposes to reserve `need` for `lifetime`. `id` is random.
    ///
    /// # Errors
    /// [`Exhausted`], judged by `ledger`, which may be out of date.
    pub fn reserve(
        &self,
        ledger: &Ledger,
        now: Timestamp,
        id: u64,
        need: Amount,
        lifetime: Duration,
    ) -> Result<Reserve, Exhausted> {
        let day = ledger.day_at(now);
        let is_damaged = ledger.is_damaged(now);
        let expired: Vec<_> = ledger
            .reservations
            .iter()
            .filter(|(_, held)| is_damaged || held.is_over(now))
            .map(|(id, held)| (*id, *held))
            .take(MAX_REMOVED)
            .collect();
        let propose = |period: Period, allowance: Allowance, sum: Amount| {
            let reset = is_damaged || ledger.day.is_none_or(|seen| !period.has_both(seen, day));
            let released =
                expired.iter().map(|(_, held)| *held).filter(|held| period.has_both(held.day, day));
            let change = Change::of(reset, need, released);
            let sum = if reset { Amount::default() } else { sum };
            let limits = [
                (Unit::Tokens, allowance.tokens, sum.tokens, change.tokens, need.tokens),
                (Unit::Money, allowance.money, sum.money, change.money, need.money),
            ];
            for (unit, limit, sum, added, needed) in limits {
                if let Some(limit) = limit
                    && i128::from(sum) + added > i128::from(limit)
                {
                    // What expires with this write is not used any more.
                    let others = i128::from(sum) + added - i128::from(needed);
                    let remaining = u64::try_from(i128::from(limit) - others).unwrap_or(0);
                    let reserved = unit.of(ledger.reserved(period, day, now));
                    let resets_at = period.end(day);
                    return Err(Exhausted { period, unit, limit, remaining, reserved, needed, resets_at });
                }
            }
            let at_most = |limit: Option<u64>, added: i128| {
                limit.filter(|_| !reset).map(|limit| i128::from(limit) - added)
            };
            let at_most = AtMost {
                tokens: at_most(allowance.tokens, change.tokens),
                money: at_most(allowance.money, change.money),
            };
            Ok((change, at_most))
        };
        let (daily, daily_at_most) = propose(Period::Day, self.daily, ledger.daily)?;
        let (monthly, monthly_at_most) = propose(Period::Month, self.monthly, ledger.monthly)?;
        let reservation = Reservation { until: now.after(lifetime.min(MAX_LIFETIME)), day, amount: need };
        Ok(Reserve {
            id,
            reservation,
            seen: ledger.day,
            daily,
            daily_at_most,
            monthly,
            monthly_at_most,
            expired,
        })
    }

    /// Returns what is used of the day's and of the month's budget.
    pub fn standings(&self, ledger: &Ledger, now: Timestamp) -> [Standing; 2] {
        let day = ledger.day_at(now);
        let standing = |period: Period, allowance, sum: Amount| {
            let is_current =
                !ledger.is_damaged(now) && ledger.day.is_some_and(|seen| period.has_both(seen, day));
            let sum = if is_current { sum } else { Amount::default() };
            let counted = ledger.counted(period, day);
            let used = Amount {
                tokens: sum.tokens.saturating_sub(counted.tokens),
                money: sum.money.saturating_sub(counted.money),
            };
            let reserved = ledger.reserved(period, day, now);
            Standing { period, used, reserved, allowance, resets_at: period.end(day) }
        };
        [
            standing(Period::Day, self.daily, ledger.daily),
            standing(Period::Month, self.monthly, ledger.monthly),
        ]
    }

    /// Returns whether a budget limits money.
    pub fn limits_money(&self) -> bool {
        self.daily.money.is_some() || self.monthly.money.is_some()
    }
}

impl Standing {
    /// Returns what is left of the tokens; `None` without a limit.
    pub fn tokens_left(&self) -> Option<u64> {
        let limit = self.allowance.tokens?;
        Some(limit.saturating_sub(self.used.tokens.saturating_add(self.reserved.tokens)))
    }

    /// Returns what is left of the money, in pico-US-dollars; `None` without a limit.
    pub fn money_left(&self) -> Option<u64> {
        let limit = self.allowance.money?;
        Some(limit.saturating_sub(self.used.money.saturating_add(self.reserved.money)))
    }
}

impl Period {
    /// Returns whether both days are in one period.
    fn has_both(self, one: Day, other: Day) -> bool {
        match self {
            Self::Day => one == other,
            Self::Month => one.month() == other.month(),
        }
    }

    /// Returns when the period of `day` ends.
    fn end(self, day: Day) -> Timestamp {
        match self {
            Self::Day => day.plus(1).start(),
            Self::Month => day.next_month().start(),
        }
    }
}

impl Unit {
    fn of(self, amount: Amount) -> u64 {
        match self {
            Self::Tokens => amount.tokens,
            Self::Money => amount.money,
        }
    }
}

impl Reservation {
    /// Returns whether the reservation expired, or ends later than any process can have written.
    fn is_over(&self, now: Timestamp) -> bool {
        self.until <= now || self.until > now.after(MAX_LIFETIME + MAX_CLOCK_SKEW)
    }
}

impl Change {
    fn of(reset: bool, need: Amount, released: impl Iterator<Item = Reservation>) -> Self {
        let mut change = Self { reset, tokens: need.tokens.into(), money: need.money.into() };
        if !reset {
            for held in released {
                change.tokens -= i128::from(held.amount.tokens);
                change.money -= i128::from(held.amount.money);
            }
        }
        change
    }

    const NONE: Self = Self { reset: false, tokens: 0, money: 0 };

    fn apply(self, sum: Amount) -> Amount {
        let sum = if self.reset { Amount::default() } else { sum };
        let add = |sum: u64, added: i128| u64::try_from((i128::from(sum) + added).max(0)).unwrap_or(u64::MAX);
        Amount { tokens: add(sum.tokens, self.tokens), money: add(sum.money, self.money) }
    }
}

impl AtMost {
    fn holds(self, sum: Amount) -> bool {
        self.tokens.is_none_or(|most| i128::from(sum.tokens) <= most)
            && self.money.is_none_or(|most| i128::from(sum.money) <= most)
    }
}

impl Ledger {
    /// Returns the day that counts: that of the ledger if another process is already there, otherwise that of `now`.
    fn day_at(&self, now: Timestamp) -> Day {
        let today = Day::of(now);
        match self.day {
            Some(day) if day > today && !self.is_damaged(now) => day,
            _ => today,
        }
    }

    /// Returns whether the ledger's day lies further ahead than any process writes it.
    fn is_damaged(&self, now: Timestamp) -> bool {
        self.day.is_some_and(|day| day > Day::of(now.after(MAX_CLOCK_SKEW)))
    }

    /// Returns the sum of the reservations that the sum of the period has.
    fn counted(&self, period: Period, day: Day) -> Amount {
        sum(self.reservations.values().filter(|held| period.has_both(held.day, day)))
    }

    /// Returns the sum of the reservations that have not expired.
    fn reserved(&self, period: Period, day: Day, now: Timestamp) -> Amount {
        sum(self.reservations.values().filter(|held| period.has_both(held.day, day) && !held.is_over(now)))
    }

    /// Applies `reserve` if its conditions hold, and returns whether they did.
    ///
    /// A conditional write of the stored ledger has the same conditions.
    pub fn apply(&mut self, reserve: &Reserve) -> bool {
        let holds = self.day == reserve.seen
            && !self.reservations.contains_key(&reserve.id)
            && (reserve.daily.reset || reserve.daily_at_most.holds(self.daily))
            && (reserve.monthly.reset || reserve.monthly_at_most.holds(self.monthly))
            && reserve.expired.iter().all(|(id, held)| self.reservations.get(id) == Some(held));
        if holds {
            self.day = Some(reserve.reservation.day);
            self.daily = reserve.daily.apply(self.daily);
            self.monthly = reserve.monthly.apply(self.monthly);
            for (id, _) in &reserve.expired {
                self.reservations.remove(id);
            }
            self.reservations.insert(reserve.id, reserve.reservation);
        }
        holds
    }

    /// Proposes to replace a reservation by what its call `used`.
    pub fn settlement(&self, id: u64, reservation: Reservation, used: Amount) -> Settlement {
        let is_held = self.reservations.get(&id) == Some(&reservation);
        let added = Change::of(false, used, is_held.then_some(reservation).into_iter());
        // A sum of another period does not have the reservation, and the use does not count there.
        let change = |period: Period| match self.day {
            None => Change { reset: true, ..added },
            Some(day) if period.has_both(day, reservation.day) => added,
            Some(_) => Change::NONE,
        };
        Settlement {
            id,
            reservation,
            is_held,
            seen: self.day,
            daily: change(Period::Day),
            monthly: change(Period::Month),
        }
    }

    /// Applies `settlement` if its conditions hold, and returns whether they did.
    ///
    /// A conditional write of the stored ledger has the same conditions.
    pub fn settle(&mut self, settlement: &Settlement) -> bool {
        let found = self.reservations.get(&settlement.id);
        let is_same =
            if settlement.is_held { found == Some(&settlement.reservation) } else { found.is_none() };
        let holds = self.day == settlement.seen && is_same;
        if holds {
            self.day = self.day.or(Some(settlement.reservation.day));
            self.daily = settlement.daily.apply(self.daily);
            self.monthly = settlement.monthly.apply(self.monthly);
            self.reservations.remove(&settlement.id);
        }
        holds
    }
}

fn sum<'r>(reservations: impl Iterator<Item = &'r Reservation>) -> Amount {
    reservations.fold(Amount::default(), |sum, held| Amount {
        tokens: sum.tokens.saturating_add(held.amount.tokens),
        money: sum.money.saturating_add(held.amount.money),
    })
}
