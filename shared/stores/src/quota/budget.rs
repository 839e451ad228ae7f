//! A tenant's ledger of tokens and money: one item in its partition.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use bulkhead_resilience::Timestamp;
use bulkhead_resilience::budget::{
    Amount, AtMost, Budget, Change, Day, Exhausted, Ledger, Reservation, Reserve, Settlement, Standing,
};
use bulkhead_tenancy::names::ModelName;
use tokio::time::sleep;

use super::usage::{Metered, TokenPrice, Tokens, Use};
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, key_attributes};
use crate::repositories::models::{Embedded, TextPurpose};
use crate::session::{LastBudget, TenantSession};
use crate::transaction::{malformed, transact};

/// Maximum optimistic-lock attempts before a call is refused, or a settlement is given up.
const MAX_ATTEMPTS: u32 = 40;
/// Longest pause before another attempt while other calls write the ledger.
const PAUSE: Duration = Duration::from_millis(120);

const RESERVE: &str = "reserve budget";
const SETTLE: &str = "settle budget";
const DAY: &str = "day";
const DAY_TOKENS: &str = "day_tokens";
const DAY_MONEY: &str = "day_money";
const MONTH_TOKENS: &str = "month_tokens";
const MONTH_MONEY: &str = "month_money";
/// Prefix of the attributes with reservations.
const RESERVATION: &str = "r_";

/// The budgets of one tenant, counted over all functions and environments.
pub struct Budgets<'s> {
    session: TenantSession<'s>,
    settings: &'s BudgetSettings,
}

/// The budgets of a tier, and the prices of its models.
#[derive(Debug, Clone)]
pub struct BudgetSettings {
    /// The budget of a tenant that has no own one.
    pub default: Budget,
    /// The prices, by the id of a model.
    pub prices: BTreeMap<String, TokenPrice>,
    /// When a reservation expires: later than any call of this function ends, by any clock.
    pub lifetime: Duration,
}

/// What one call may cost at most. [`Budgets::settle`] replaces it by what the call used. Otherwise it expires.
#[derive(Debug)]
#[must_use = "an unsettled reservation blocks a part of the budget until it expires, and is then not counted"]
pub struct Reserved {
    id: u64,
    reservation: Reservation,
    call: Metered,
    /// The price at the time of the reservation.
    price: Option<TokenPrice>,
    /// That of the fallback.
    or: Option<TokenPrice>,
}

impl Reserved {
    /// Returns the reservation as one of the model that answered: the chosen one or the fallback.
    pub fn answered_by(mut self, model: &str) -> Self {
        if let Some(fallback) = self.call.fallback.take_if(|fallback| fallback.as_str() == model) {
            (self.call.model, self.price) = (fallback, self.or);
        }
        self
    }
}

/// Why a call may not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetRefusal {
    /// A budget has no room.
    Exhausted(Exhausted),
    /// The tenant has a budget in money, and the price of the model is not known.
    NoPrice {
        /// The model.
        model: String,
    },
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's budgets.
    pub fn budgets(&self, settings: &'s BudgetSettings) -> Budgets<'s> {
        Budgets { session: *self, settings }
    }
}

impl Budgets<'_> {
    /// Returns the budget of the tenant: its own one, otherwise the tier's. A change takes effect within a minute.
    pub async fn budget(&self) -> Result<Budget, StoreError> {
        Ok(self.session.profile().await?.budget.over(self.settings.default))
    }

    /// Reserves the most that `call` can cost, in the day and in the month, by one conditional write. One of its models
    /// answers, so the dearer one counts.
    ///
    /// On an error nothing is reserved.
    pub async fn reserve(&self, call: Metered) -> Result<Result<Reserved, BudgetRefusal>, StoreError> {
        let budget = self.budget().await?;
        let price = |model: &ModelName| self.settings.prices.get(model.as_str()).copied();
        let models: Vec<_> = std::iter::once(&call.model).chain(&call.fallback).collect();
        if budget.limits_money()
            && let Some(model) = models.iter().find(|model| price(model).is_none())
        {
            return Ok(Err(BudgetRefusal::NoPrice { model: model.to_string() }));
        }
        let need = models.iter().map(|model| call.counted(Use::Unknown, price(model)).amount());
        let need = need.reduce(Amount::larger).unwrap_or_default();
        let (id, mut fresh) = (fastrand::u64(..), false);
        for _ in 0..MAX_ATTEMPTS {
            let now = clock::now_in_microseconds();
            let proposed = budget.reserve(&self.remembered(), now, id, need, self.settings.lifetime);
            let reserve = match proposed {
                Ok(reserve) => reserve,
                Err(exhausted) if fresh => return Ok(Err(BudgetRefusal::Exhausted(exhausted))),
                // Other calls may have settled since the ledger was read.
                Err(_) => {
                    self.read(RESERVE).await?;
                    fresh = true;
                    continue;
                }
            };
            match self.write(&reserve).await? {
                Written::Applied => {
                    let (price, or) = (price(&call.model), call.fallback.as_ref().and_then(price));
                    return Ok(Ok(Reserved { id, reservation: reserve.reservation, call, price, or }));
                }
                Written::LostRace => fresh = true,
                Written::Busy => sleep(PAUSE.mul_f64(fastrand::f64())).await,
            }
        }
        Err(busy(RESERVE))
    }

    /// Replaces a reservation by what its call used, and adds it to the record of usage, in one transaction.
    ///
    /// A use larger than the reservation counts as it is.
    ///
    /// # Errors
    /// If the write fails, the reservation expires and the use is not counted.
    pub async fn settle(&self, reserved: Reserved, used: Use) -> Result<(), StoreError> {
        let Reserved { id, reservation, call, price, .. } = reserved;
        let counted = call.counted(used, price);
        if counted.exceeds(&reservation.amount) {
            tracing::error!(tenant = %self.session.tenant(), model = %call.model, "a call used more than its worst case");
        }
        for attempt in 0..MAX_ATTEMPTS {
            let settlement = self.remembered().settlement(id, reservation, counted.amount());
            // An earlier attempt succeeded, but its answer was lost.
            if attempt > 0 && !settlement.is_held && clock::now_in_microseconds() < reservation.until {
                return Ok(());
            }
            let mut writes = vec![self.settle_write(&settlement)?];
            if !counted.is_nothing() {
                writes.push(counted.write(&self.session, reservation.day, &call)?);
            }
            match transact(&self.session, SETTLE, writes).await {
                Ok(None) => {
                    self.change_remembered(|ledger| ledger.settle(&settlement));
                    return Ok(());
                }
                // The ledger changed, or another write was in progress.
                Ok(Some(_)) | Err(StoreError::Conflict { .. } | StoreError::Throttled { .. }) => {
                    sleep(PAUSE.mul_f64(fastrand::f64())).await;
                    self.read(SETTLE).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(busy(SETTLE))
    }

    /// Embeds `texts` with the model of the tenant's corpus, in order, if the budgets have room for the most that they
    /// can cost.
    ///
    /// # Errors
    /// The first error of a text. What the other texts used counts.
    pub async fn embed(
        &self,
        route: &'static str,
        texts: &[String],
        purpose: TextPurpose,
    ) -> Result<Result<Vec<Embedded>, BudgetRefusal>, StoreError> {
        let model = self.session.models().embedding_model().await?;
        let model =
            ModelName::parse(&model).map_err(|error| StoreError::corrupt(RESERVE, error.to_string()))?;
        let bound = Tokens::of_texts(texts.iter().map(String::as_str));
        let reserved =
            match self.reserve(Metered { route, model, fallback: None, template: None, bound }).await? {
                Ok(reserved) => reserved,
                Err(refusal) => return Ok(Err(refusal)),
            };
        let calls = self.session.models().embed_calls(texts, purpose).await;
        let calls = match calls {
            Ok(calls) => calls,
            Err(error) => {
                self.settle_or_log(reserved, Use::Nothing).await;
                return Err(error);
            }
        };
        let (mut used, mut rest) = (Tokens::default(), texts);
        for (count, result) in &calls {
            let (own, others) = rest.split_at_checked(*count).unwrap_or((rest, &[]));
            rest = others;
            let tokens = match result {
                Ok(embedded) => Tokens {
                    input: embedded.iter().map(|each| each.tokens).sum(),
                    output: 0,
                    texts: embedded.len() as u64,
                },
                Err(error) if error.may_be_billed() => Tokens::of_texts(own.iter().map(String::as_str)),
                Err(_) => Tokens::default(),
            };
            used = used.plus(tokens);
        }
        let used = if used == Tokens::default() { Use::Nothing } else { Use::Reported(used) };
        self.settle_or_log(reserved, used).await;
        let embedded = calls.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>, _>>()?;
        Ok(Ok(embedded.into_iter().flatten().collect()))
    }

    /// Settles a call whose answer is paid, so that its answer is returned also if the settlement fails.
    pub async fn settle_or_log(&self, reserved: Reserved, used: Use) {
        if let Err(error) = self.settle(reserved, used).await {
            let cause: &dyn std::error::Error = &error;
            tracing::error!(error = cause, "budget not settled, reservation expires uncounted");
        }
    }

    /// Returns what is used of the budgets of the day and of the month, read from the ledger.
    pub async fn standings(&self) -> Result<[Standing; 2], StoreError> {
        let budget = self.budget().await?;
        self.read("read budget").await?;
        Ok(budget.standings(&self.remembered(), clock::now_in_microseconds()))
    }

    /// Returns what is used of the budgets, as the last call of this environment saw it.
    pub async fn last_standings(&self) -> Result<[Standing; 2], StoreError> {
        let budget = self.budget().await?;
        Ok(budget.standings(&self.remembered(), clock::now_in_microseconds()))
    }

    /// Writes `reserve` under the conditions of [`Ledger::apply`].
    async fn write(&self, reserve: &Reserve) -> Result<Written, StoreError> {
        let Reserve { id, reservation, .. } = reserve;
        let mut write = Expression::default();
        write.seen(reserve.seen, reservation.day);
        write.sums("d", [DAY_TOKENS, DAY_MONEY], reserve.daily, reserve.daily_at_most);
        write.sums("m", [MONTH_TOKENS, MONTH_MONEY], reserve.monthly, reserve.monthly_at_most);
        write.set.push("#r = :r".to_owned());
        write.conditions.push("attribute_not_exists(#r)".to_owned());
        write.name("#r", attribute_of(*id)).value(":r", AttributeValue::S(text_of(reservation)));
        for (n, (id, held)) in reserve.expired.iter().enumerate() {
            write.remove.push(format!("#x{n}"));
            write.conditions.push(format!("#x{n} = :x{n}"));
            write.name(&format!("#x{n}"), attribute_of(*id));
            write.value(&format!(":x{n}"), AttributeValue::S(text_of(held)));
        }
        let sent = write.on(self.update()).return_values(ReturnValue::AllNew).send().await;
        match sent {
            Ok(done) => {
                self.remember(done.attributes.as_ref());
                Ok(Written::Applied)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    self.remember(failed.item());
                    // An earlier attempt of the SDK may have succeeded although its answer was lost.
                    let has_it = self.remembered().reservations.get(id) == Some(reservation);
                    Ok(if has_it { Written::Applied } else { Written::LostRace })
                }
                Some(UpdateItemError::TransactionConflictException(_)) => Ok(Written::Busy),
                _ => Err(error).during(RESERVE),
            },
        }
    }

    fn settle_write(&self, settlement: &Settlement) -> Result<TransactWriteItem, StoreError> {
        let Settlement { id, reservation, is_held, seen, daily, monthly } = settlement;
        let mut write = Expression::default();
        write.seen(*seen, reservation.day);
        write.sums("d", [DAY_TOKENS, DAY_MONEY], *daily, AtMost::default());
        write.sums("m", [MONTH_TOKENS, MONTH_MONEY], *monthly, AtMost::default());
        write.name("#r", attribute_of(*id));
        if *is_held {
            write.remove.push("#r".to_owned());
            write.conditions.push("#r = :r".to_owned());
            write.value(":r", AttributeValue::S(text_of(reservation)));
        } else {
            write.conditions.push("attribute_not_exists(#r)".to_owned());
        }
        if write.update().is_empty() {
            // The reservation expired and its periods are over: only the condition matters.
            write.set.push("#day = :seen".to_owned());
        }
        let update = Update::builder()
            .table_name(&self.session.settings().table)
            .set_key(Some(self.key()))
            .update_expression(write.update())
            .condition_expression(write.conditions.join(" AND "))
            .set_expression_attribute_names(Some(write.names))
            .set_expression_attribute_values((!write.values.is_empty()).then_some(write.values))
            .build()
            .map_err(malformed)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn update(&self) -> UpdateItemFluentBuilder {
        self.session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(self.key()))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }

    fn key(&self) -> Item {
        key_attributes(&self.session.scope().budget_key())
    }

    async fn read(&self, operation: &'static str) -> Result<(), StoreError> {
        let item = items::get(&self.session, operation, &self.session.scope().budget_key()).await?;
        self.remember(item.as_ref());
        Ok(())
    }

    fn remembered(&self) -> Ledger {
        self.last().lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, item: Option<&Item>) {
        *self.last().lock().unwrap_or_else(PoisonError::into_inner) = item.map(ledger_of).unwrap_or_default();
    }

    fn change_remembered<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.last().lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn last(&self) -> &LastBudget {
        self.session.last_budget()
    }
}

/// The outcome of a write of the ledger.
enum Written {
    Applied,
    /// A condition did not hold. What the ledger has is remembered.
    LostRace,
    /// A transaction with the ledger is in progress.
    Busy,
}

fn busy(operation: &'static str) -> StoreError {
    StoreError::Throttled { operation, source: "the tenant's calls write its ledger too often".into() }
}

/// An update of the ledger in parts.
#[derive(Default)]
struct Expression {
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
    names: std::collections::HashMap<String, String>,
    values: Item,
}

impl Expression {
    fn name(&mut self, placeholder: &str, name: impl Into<String>) -> &mut Self {
        self.names.insert(placeholder.to_owned(), name.into());
        self
    }

    fn value(&mut self, placeholder: &str, value: AttributeValue) -> &mut Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// Adds the condition that the ledger's day is `seen`, and sets it to `day` if there is none or an other one.
    fn seen(&mut self, seen: Option<Day>, day: Day) {
        self.name("#day", DAY);
        match seen {
            None => self.conditions.push("attribute_not_exists(#day)".to_owned()),
            Some(seen) => {
                self.conditions.push("#day = :seen".to_owned());
                self.value(":seen", number(seen.0));
            }
        }
        if seen.is_none_or(|seen| seen < day) {
            self.set.push("#day = :day".to_owned());
            self.value(":day", number(day.0));
        }
    }

    /// Adds the change of a sum's tokens and money, and its conditions.
    fn sums(&mut self, prefix: &str, attributes: [&str; 2], change: Change, at_most: AtMost) {
        let [tokens, money] = attributes;
        let parts = [("t", tokens, change.tokens, at_most.tokens), ("c", money, change.money, at_most.money)];
        for (suffix, attribute, added, at_most) in parts {
            let placeholder = format!("{prefix}{suffix}");
            if !change.reset && added == 0 && at_most.is_none() {
                continue;
            }
            self.name(&format!("#{placeholder}"), attribute);
            if change.reset {
                self.set.push(format!("#{placeholder} = :{placeholder}"));
                self.value(&format!(":{placeholder}"), number(added));
            } else if added != 0 {
                self.add.push(format!("#{placeholder} :{placeholder}"));
                self.value(&format!(":{placeholder}"), number(added));
            }
            if let Some(most) = at_most {
                self.conditions.push(format!("#{placeholder} <= :{placeholder}_most"));
                self.value(&format!(":{placeholder}_most"), number(most));
            }
        }
    }

    fn update(&self) -> String {
        let clause = |name: &str, parts: &[String]| {
            if parts.is_empty() { String::new() } else { format!("{name} {} ", parts.join(", ")) }
        };
        let clauses = [clause("SET", &self.set), clause("ADD", &self.add), clause("REMOVE", &self.remove)];
        clauses.concat().trim_end().to_owned()
    }

    fn on(self, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        update
            .update_expression(self.update())
            .condition_expression(self.conditions.join(" AND "))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
    }
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn attribute_of(id: u64) -> String {
    format!("{RESERVATION}{id:016x}")
}

/// Returns a reservation as text: when it expires, its day, tokens and money.
fn text_of(reservation: &Reservation) -> String {
    let Reservation { until, day, amount } = reservation;
    format!("{} {} {} {}", until.0, day.0, amount.tokens, amount.money)
}

fn reservation_of(text: &str) -> Option<Reservation> {
    let mut parts = text.split(' ');
    let until = Timestamp(parts.next()?.parse().ok()?);
    let day = Day(parts.next()?.parse().ok()?);
    let amount = Amount { tokens: parts.next()?.parse().ok()?, money: parts.next()?.parse().ok()? };
    parts.next().is_none().then_some(Reservation { until, day, amount })
}

fn ledger_of(item: &Item) -> Ledger {
    let read = |name: &str| item.get(name)?.as_n().ok();
    let sum = |tokens: &str, money: &str| {
        // A sum that is no whole number is damage. The largest one refuses calls until the period ends.
        let amount = |name: &str| match read(name).map(|text| text.parse::<i128>()) {
            None => 0,
            Some(Ok(sum)) => u64::try_from(sum.max(0)).unwrap_or(u64::MAX),
            Some(Err(_)) => u64::MAX,
        };
        Amount { tokens: amount(tokens), money: amount(money) }
    };
    let reservations: BTreeMap<_, _> = item
        .iter()
        .filter_map(|(name, value)| {
            let id = u64::from_str_radix(name.strip_prefix(RESERVATION)?, 16).ok()?;
            Some((id, reservation_of(value.as_s().ok()?)?))
        })
        .collect();
    Ledger {
        day: read(DAY).and_then(|text| text.parse().ok()).map(Day),
        daily: sum(DAY_TOKENS, DAY_MONEY),
        monthly: sum(MONTH_TOKENS, MONTH_MONEY),
        reservations,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservation_survives_its_text() {
        let amount = Amount { tokens: 7, money: u64::MAX };
        let reservation = Reservation { until: Timestamp(5), day: Day(20_784), amount };
        assert_eq!(reservation_of(&text_of(&reservation)), Some(reservation));
        for text in ["", "1 2 3", "1 2 3 4 5", "1 2 x 4", "1 2 -3 4"] {
            assert_eq!(reservation_of(text), None, "{text}");
        }
    }

    #[test]
    fn update_has_only_the_clauses_that_it_needs() {
        let mut write = Expression::default();
        write.seen(Some(Day(3)), Day(3));
        write.sums(
            "d",
            [DAY_TOKENS, DAY_MONEY],
            Change { reset: false, tokens: -4, money: 0 },
            AtMost::default(),
        );
        let at_most = AtMost { tokens: Some(90), money: None };
        write.sums("m", [MONTH_TOKENS, MONTH_MONEY], Change { reset: false, tokens: 10, money: 1 }, at_most);
        assert_eq!(write.update(), "ADD #dt :dt, #mt :mt, #mc :mc");
        assert_eq!(write.conditions.join(" AND "), "#day = :seen AND #mt <= :mt_most");
        assert_eq!(write.values.get(":mt_most"), Some(&number(90)));
    }
}
