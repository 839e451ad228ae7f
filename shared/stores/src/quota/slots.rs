use std::sync::PoisonError;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use bulkhead_resilience::Timestamp;
use bulkhead_resilience::quota::{Claim, Ledger, Limit, Pace, Quota, QuotaExceeded};

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{Item, key_attributes};
use crate::session::{LastLedger, TenantSession};

/// Maximum optimistic-lock attempts before the call is refused. More attempts fail only if the tenant
/// starts more calls at once than its ledger can record.
const MAX_ATTEMPTS: usize = 6;
const TAKE: &str = "take slot";
const RELEASE: &str = "release slot";
const SLOT: &str = "slot_";
const USED_UNTIL: &str = "used_until";

/// One call of a tenant in flight. [`Slots::release`] frees the slot. Otherwise the slot expires.
#[derive(Debug)]
#[must_use = "an unreleased slot is blocked until it expires"]
pub struct Slot {
    claim: Claim,
}

/// The slots of one tenant, counted over all functions and environments on one ledger item.
pub struct Slots<'s> {
    dynamodb: &'s aws_sdk_dynamodb::Client,
    table: &'s str,
    key: Item,
    seen: &'s LastLedger,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's slots for calls in flight.
    pub fn slots(&self) -> Slots<'s> {
        let key = key_attributes(&self.scope().ledger_key());
        Slots::new(self.dynamodb(), &self.settings().table, key, self.last_ledger())
    }
}

impl<'s> Slots<'s> {
    pub(super) fn new(
        dynamodb: &'s aws_sdk_dynamodb::Client,
        table: &'s str,
        key: Item,
        seen: &'s LastLedger,
    ) -> Self {
        Self { dynamodb, table, key, seen }
    }

    /// Takes a slot for one call by one conditional write.
    ///
    /// If the rate is known to be used up, the answer needs no call, because the used rate never
    /// decreases. On an error no slot is taken.
    pub async fn take(&self, quota: &Quota) -> Result<Result<Slot, QuotaExceeded>, StoreError> {
        let mut fresh = false;
        for _ in 0..MAX_ATTEMPTS {
            let claim = match quota.claim(&self.remembered(), clock::now_in_microseconds(), fastrand::u64(..))
            {
                Ok(claim) => claim,
                Err(exceeded) if fresh || exceeded.limit == Limit::Rate => return Ok(Err(exceeded)),
                // Other calls may have released slots since the ledger was read.
                Err(_) => {
                    self.remember(self.read(TAKE).await?.as_ref());
                    fresh = true;
                    continue;
                }
            };
            if self.write(&claim).await? {
                return Ok(Ok(Slot { claim }));
            }
            fresh = true;
        }
        Ok(Err(QuotaExceeded { limit: Limit::InFlight, retry_after: std::time::Duration::ZERO }))
    }

    /// Returns how many calls may start now by the rate, and when the whole burst is there again, as the last call of
    /// this environment saw it.
    pub fn burst_left(&self, quota: &Quota) -> (u32, std::time::Duration) {
        quota.burst_left(&self.remembered(), clock::now_in_microseconds())
    }

    /// Returns the number of free slots, read from the ledger.
    pub async fn free(&self, quota: &Quota) -> Result<u16, StoreError> {
        let item = self.read("read ledger").await?;
        Ok(quota.free_slots(&item.as_ref().map(read).unwrap_or_default(), clock::now_in_microseconds()))
    }

    /// Releases a slot. Does nothing if the slot has expired and belongs to another call. On an error the
    /// slot expires later.
    pub async fn release(&self, slot: Slot) -> Result<(), StoreError> {
        let sent = self
            .update("REMOVE #slot", "#slot = :until", &slot.claim)
            .expression_attribute_values(":until", number(slot.claim.until))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(done) => {
                self.remember(done.attributes.as_ref());
                Ok(())
            }
            Err(error) if condition_failed(&error).is_some() => Ok(()),
            Err(error) => Err(error).during(RELEASE),
        }
    }

    /// Writes `claim` under the conditions of [`Ledger::apply`], and returns whether they held.
    async fn write(&self, claim: &Claim) -> Result<bool, StoreError> {
        const FREE: &str = "(attribute_not_exists(#slot) OR #slot <= :now OR #slot > :impossible)";
        let update = match claim.pace {
            Pace::Restart { until } => self
                .update(
                    "SET #slot = :until, #used = :used",
                    &format!("{FREE} AND (attribute_not_exists(#used) OR #used <= :now)"),
                    claim,
                )
                .expression_attribute_values(":used", number(until)),
            Pace::Continue { step, latest } => self
                .update(
                    "SET #slot = :until, #used = #used + :step",
                    &format!("{FREE} AND #used > :now AND #used <= :latest"),
                    claim,
                )
                .expression_attribute_values(":step", AttributeValue::N(step.to_string()))
                .expression_attribute_values(":latest", number(latest)),
            Pace::Repair { damaged, until } => self
                .update("SET #slot = :until, #used = :used", &format!("{FREE} AND #used = :damaged"), claim)
                .expression_attribute_values(":used", number(until))
                .expression_attribute_values(":damaged", number(damaged)),
        };
        let sent = update
            .expression_attribute_names("#used", USED_UNTIL)
            .expression_attribute_values(":now", number(claim.now))
            .expression_attribute_values(":impossible", number(claim.impossible))
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
            Err(error) => match condition_failed(&error) {
                Some(item) => {
                    self.remember(item);
                    // An earlier attempt of the SDK may have succeeded although its answer was lost.
                    Ok(self.remembered().slots.get(&claim.slot) == Some(&claim.until))
                }
                None => Err(error).during(TAKE),
            },
        }
    }

    fn update(&self, update: &str, condition: &str, claim: &Claim) -> UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(self.table)
            .set_key(Some(self.key.clone()))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#slot", format!("{SLOT}{}", claim.slot))
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

fn number(timestamp: Timestamp) -> AttributeValue {
    AttributeValue::N(timestamp.0.to_string())
}

/// Returns the current item if the condition of the write did not hold.
fn condition_failed<R>(
    error: &aws_sdk_dynamodb::error::SdkError<UpdateItemError, R>,
) -> Option<Option<&Item>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed.item()),
        _ => None,
    }
}

fn read(item: &Item) -> Ledger {
    let timestamp = |value: &AttributeValue| value.as_n().ok()?.parse().ok().map(Timestamp);
    Ledger {
        slots: item
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(SLOT)?.parse().ok()?, timestamp(value)?)))
            .collect(),
        used_until: item.get(USED_UNTIL).and_then(timestamp).unwrap_or_default(),
    }
}
