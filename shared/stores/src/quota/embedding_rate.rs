use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::Timestamp;
use bulkhead_resilience::throttle::Throttle;

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, key_attributes};
use crate::session::TenantSession;

/// Maximum optimistic-lock attempts before no reservation is made.
const MAX_ATTEMPTS: usize = 16;
const USED_UNTIL: &str = "embeddings_until";
const OPERATION: &str = "reserve embeddings";

/// The rate at which a tenant calls the embedding model.
///
/// All workers of the tenant share one rate, kept on the tenant's ledger. So no tenant can use up the
/// account's quota at the model.
pub struct EmbeddingRate<'s> {
    session: TenantSession<'s>,
    throttle: Throttle,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's rate at the embedding model.
    pub fn embedding_rate(&self, throttle: Throttle) -> EmbeddingRate<'s> {
        EmbeddingRate { session: *self, throttle }
    }
}

impl EmbeddingRate<'_> {
    /// Reserves time for `calls` calls and returns how long to wait before they start.
    ///
    /// Returns `None`, and reserves nothing, if the wait is longer than `max_wait` or if other workers
    /// won every race for the ledger.
    pub async fn reserve(&self, calls: u32, max_wait: Duration) -> Result<Option<Duration>, StoreError> {
        let key = self.session.scope().ledger_key();
        for _ in 0..MAX_ATTEMPTS {
            let item = items::get(&self.session, OPERATION, &key).await?;
            let seen = item.as_ref().and_then(|item| item.get(USED_UNTIL)).cloned();
            let used = seen.as_ref().and_then(|value| value.as_n().ok()?.parse().ok()).map(Timestamp);
            let now = clock::now_in_microseconds();
            let Some(reserved) = self.throttle.reserve(used.unwrap_or_default(), now, calls, max_wait) else {
                return Ok(None);
            };
            let update = self
                .session
                .dynamodb()
                .update_item()
                .table_name(&self.session.settings().table)
                .set_key(Some(key_attributes(&key)))
                .update_expression("SET #used = :until")
                .expression_attribute_names("#used", USED_UNTIL)
                .expression_attribute_values(":until", AttributeValue::N(reserved.until.0.to_string()));
            let update = match seen {
                None => update.condition_expression("attribute_not_exists(#used)"),
                Some(seen) => {
                    update.condition_expression("#used = :seen").expression_attribute_values(":seen", seen)
                }
            };
            match update.send().await.during(OPERATION) {
                Ok(_) => return Ok(Some(reserved.from.since(now))),
                // Another worker won the race, or the answer to our write was lost. A lost reservation
                // stays unused.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
