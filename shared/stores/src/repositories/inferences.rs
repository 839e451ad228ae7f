use bulkhead_resilience::{Timestamp, rfc3339};
use bulkhead_tenancy::names::{InferenceId, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, SEALED};
use crate::session::TenantSession;

/// How long a record stays, seconds.
const KEEP_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The records of a tenant's inferences: what was asked of which model, with which prompt template and passages.
pub struct Inferences<'s> {
    session: TenantSession<'s>,
}

/// The record of one inference.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInference {
    /// When the answer was complete.
    pub created_at: Timestamp,
    /// What the API shows of it.
    pub content: Value,
}

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(with = "rfc3339")]
    created_at: Timestamp,
    /// When DynamoDB deletes the record, in seconds since 1970.
    expires_at: i64,
}

impl<'s> TenantSession<'s> {
    /// Returns the records of the tenant's inferences.
    pub fn inferences(&self) -> Inferences<'s> {
        Inferences { session: *self }
    }
}

impl Inferences<'_> {
    /// Stores a record for 30 days. All of `content` is sealed.
    pub async fn put(&self, id: &InferenceId, content: &Value) -> Result<(), StoreError> {
        const OPERATION: &str = "write inference";
        let key = self.session.scope().inference_key(id);
        let created_at = clock::now();
        let record = Record { created_at, expires_at: created_at.as_seconds() + KEEP_SECONDS };
        let mut item = items::item(&key, &record)?;
        let sealed = items::seal(&self.session, Purpose::Inference, &key, content).await?;
        item.insert(SEALED.to_owned(), sealed);
        self.session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(item))
            .send()
            .await
            .during(OPERATION)?;
        Ok(())
    }

    /// Returns the record; `None` if it does not exist or its time is over.
    pub async fn get(&self, id: &InferenceId) -> Result<Option<StoredInference>, StoreError> {
        const OPERATION: &str = "read inference";
        let key = self.session.scope().inference_key(id);
        let Some(item) = items::get(&self.session, OPERATION, &key).await? else { return Ok(None) };
        let record: Record = items::record(OPERATION, item.clone())?;
        // DynamoDB may delete an expired item days later.
        if record.expires_at <= clock::now().as_seconds() {
            return Ok(None);
        }
        let content = items::open(&self.session, Purpose::Inference, &key, &item).await?;
        Ok(Some(StoredInference { created_at: record.created_at, content }))
    }

    /// Deletes the record. Returns `false` if it does not exist.
    pub async fn delete(&self, id: &InferenceId) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete inference";
        let key = self.session.scope().inference_key(id);
        // Read first: a repeated deletion does not tell whether an earlier attempt deleted the record.
        if items::get(&self.session, OPERATION, &key).await?.is_none() {
            return Ok(false);
        }
        items::delete(&self.session, OPERATION, &key).await?;
        Ok(true)
    }
}
