use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::Instant;
use bulkhead_resilience::throttle::Throttle;
use jiff::Timestamp;

use super::items::{self, key_attributes};
use crate::error::Classify;
use crate::{StoreError, TenantSession};

/// After so many writes that others were faster with, the tenant reserves more at once than
/// its ledger takes changes.
const ATTEMPTS: usize = 16;
const USED: &str = "embeddings_until";
const OPERATION: &str = "reserve embeddings";

/// The tenant's turns at the embedding model: all its workers share one rate, kept on its
/// ledger, so that no tenant uses up what the account may ask of the model.
pub struct Turns<'s> {
    session: TenantSession<'s>,
    throttle: Throttle,
}

impl<'s> Turns<'s> {
    pub(crate) fn new(session: TenantSession<'s>, throttle: Throttle) -> Self {
        Self { session, throttle }
    }

    /// Reserves a turn for `calls` calls and returns how long to wait for it; `None` where
    /// that is longer than `patience`, or others are always faster: nothing is reserved then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reserve(&self, calls: u32, patience: Duration) -> Result<Option<Duration>, StoreError> {
        let key = self.session.scope().ledger_key();
        for _ in 0..ATTEMPTS {
            let item = items::get(&self.session, OPERATION, &key).await?;
            let seen = item.as_ref().and_then(|item| item.get(USED)).cloned();
            let used = seen.as_ref().and_then(|value| value.as_n().ok()?.parse().ok()).map(Instant);
            let now = Instant(Timestamp::now().as_microsecond());
            let Some(turn) = self.throttle.turn(used.unwrap_or_default(), now, calls, patience) else {
                return Ok(None);
            };
            let update = self
                .session
                .dynamodb()
                .update_item()
                .table_name(&self.session.settings().table)
                .set_key(Some(key_attributes(&key)))
                .update_expression("SET #used = :until")
                .expression_attribute_names("#used", USED)
                .expression_attribute_values(":until", AttributeValue::N(turn.until.0.to_string()));
            let update = match seen {
                None => update.condition_expression("attribute_not_exists(#used)"),
                Some(seen) => {
                    update.condition_expression("#used = :seen").expression_attribute_values(":seen", seen)
                }
            };
            match update.send().await.during(OPERATION) {
                Ok(_) => return Ok(Some(turn.from.since(now))),
                // Also where only the answer was lost: that turn is then nobody's.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
