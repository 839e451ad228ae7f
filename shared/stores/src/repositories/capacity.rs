use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use bulkhead_resilience::Instant;
use bulkhead_resilience::capacity::{Cap, Claim, Ledger, Limit, Pace, Refusal};
use jiff::Timestamp;

use super::items::Item;
use crate::StoreError;
use crate::error::Classify;

/// After so many claims that others were faster with, the call is refused: then a tenant
/// makes more calls at once than its ledger takes changes.
const ATTEMPTS: usize = 6;
const ENTER: &str = "take a hold";
const LEAVE: &str = "give a hold back";
const PLACE: &str = "hold_";
const USED: &str = "used_until";

/// A place among the tenant's calls in flight. Comes back by [`Capacity::leave`], or by
/// itself when its time is over.
#[derive(Debug)]
#[must_use = "a hold that is not given back blocks its place until its time is over"]
pub struct Hold {
    claim: Claim,
}

/// One of the tenant's ledgers: what it uses of the tier, counted over all functions and
/// environments.
pub struct Capacity<'s> {
    dynamodb: &'s aws_sdk_dynamodb::Client,
    table: &'s str,
    key: Item,
    seen: &'s LastSeen,
}

impl<'s> Capacity<'s> {
    pub(crate) fn new(
        dynamodb: &'s aws_sdk_dynamodb::Client,
        table: &'s str,
        key: Item,
        seen: &'s LastSeen,
    ) -> Self {
        Self { dynamodb, table, key, seen }
    }

    /// Takes a place for one call by one conditional write, or says why there is none.
    ///
    /// Where the rate is known to be used up, this is decided without a call: what is used
    /// of it never becomes less.
    ///
    /// # Errors
    /// [`StoreError`]. Without an answer of the ledger nothing is held.
    pub async fn enter(&self, cap: &Cap) -> Result<Result<Hold, Refusal>, StoreError> {
        let mut fresh = false;
        for _ in 0..ATTEMPTS {
            let now = Instant(Timestamp::now().as_microsecond());
            let claim = match cap.decide(&self.remembered(), now, fastrand::u64(..)) {
                Ok(claim) => claim,
                Err(refusal) if fresh || refusal.limit == Limit::Rate => return Ok(Err(refusal)),
                // Others may have given places back since it was looked at.
                Err(_) => {
                    self.remember(self.read(ENTER).await?.as_ref());
                    fresh = true;
                    continue;
                }
            };
            if self.take(&claim).await? {
                return Ok(Ok(Hold { claim }));
            }
            fresh = true;
        }
        Ok(Err(Refusal { limit: Limit::InFlight, after: std::time::Duration::ZERO }))
    }

    /// Returns how many places nobody holds, as the ledger says just now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn free(&self, cap: &Cap) -> Result<u16, StoreError> {
        let item = self.read("read ledger").await?;
        let now = Instant(Timestamp::now().as_microsecond());
        Ok(cap.free(&item.as_ref().map(read).unwrap_or_default(), now))
    }

    /// Gives a hold back. Nothing happens where its time is over and the place is another's.
    ///
    /// # Errors
    /// [`StoreError`]. The place then comes back by itself.
    pub async fn leave(&self, hold: Hold) -> Result<(), StoreError> {
        let sent = self
            .update("REMOVE #place", "#place = :until", &hold.claim)
            .expression_attribute_values(":until", number(hold.claim.until))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(done) => {
                self.remember(done.attributes.as_ref());
                Ok(())
            }
            Err(error) if refused(&error).is_some() => Ok(()),
            Err(error) => Err(error).during(LEAVE),
        }
    }

    /// Writes `claim` under the conditions of [`Ledger::take`].
    async fn take(&self, claim: &Claim) -> Result<bool, StoreError> {
        const FREE: &str = "(attribute_not_exists(#place) OR #place <= :now)";
        let update = match claim.pace {
            Pace::Anew { until } => self
                .update(
                    "SET #place = :until, #used = :used",
                    &format!("{FREE} AND (attribute_not_exists(#used) OR #used <= :now)"),
                    claim,
                )
                .expression_attribute_values(":used", number(until)),
            Pace::On { step, latest } => self
                .update(
                    "SET #place = :until, #used = #used + :step",
                    &format!("{FREE} AND #used > :now AND #used <= :latest"),
                    claim,
                )
                .expression_attribute_values(":step", AttributeValue::N(step.to_string()))
                .expression_attribute_values(":latest", number(latest)),
        };
        let sent = update
            .expression_attribute_names("#used", USED)
            .expression_attribute_values(":now", number(claim.now))
            .expression_attribute_values(":until", number(claim.until))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(done) => {
                self.remember(done.attributes.as_ref());
                Ok(true)
            }
            Err(error) => match refused(&error) {
                Some(item) => {
                    self.remember(item);
                    // An earlier attempt of the SDK may have succeeded and its answer been lost.
                    Ok(self.remembered().holds.get(&claim.place) == Some(&claim.until))
                }
                None => Err(error).during(ENTER),
            },
        }
    }

    fn update(
        &self,
        update: &str,
        condition: &str,
        claim: &Claim,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(self.table)
            .set_key(Some(self.key.clone()))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#place", format!("{PLACE}{}", claim.place))
    }

    async fn read(&self, operation: &'static str) -> Result<Option<Item>, StoreError> {
        let found = self
            .dynamodb
            .get_item()
            .table_name(self.table)
            .set_key(Some(self.key.clone()))
            .consistent_read(true)
            .send()
            .await
            .during(operation)?;
        Ok(found.item)
    }

    fn remembered(&self) -> Ledger {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, item: Option<&Item>) {
        let ledger = item.map(read).unwrap_or_default();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = ledger;
    }
}

/// What was last seen of a tenant's ledger. Belongs to one tenant's clients.
pub(crate) type LastSeen = Mutex<Ledger>;

fn number(instant: Instant) -> AttributeValue {
    AttributeValue::N(instant.0.to_string())
}

/// The item as it is, where the write's condition did not hold.
fn refused<R>(error: &aws_sdk_dynamodb::error::SdkError<UpdateItemError, R>) -> Option<Option<&Item>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed.item()),
        _ => None,
    }
}

fn read(item: &Item) -> Ledger {
    let instant = |value: &AttributeValue| value.as_n().ok()?.parse().ok().map(Instant);
    Ledger {
        holds: item
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PLACE)?.parse().ok()?, instant(value)?)))
            .collect(),
        used_until: item.get(USED).and_then(instant).unwrap_or_default(),
    }
}
