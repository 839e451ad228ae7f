use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_apikeys::ApiKey;
use bulkhead_resilience::Timestamp;
use bulkhead_tenancy::Role;

use super::record::{Record, VERIFIED};
use crate::error::{Classify, StoreError};
use crate::platform::Platform;

/// Why an API key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefusal {
    /// No key has this id, or its secret is another one.
    Unknown,
    /// The key has expired.
    Expired,
    /// The secret was replaced, and the overlap is over.
    Replaced,
}

impl KeyRefusal {
    /// Returns a short, stable code for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "key_unknown",
            Self::Expired => "key_expired",
            Self::Replaced => "key_replaced",
        }
    }
}

/// The API keys of all tenants, read one at a time with the authorizer's own role.
pub struct ApiKeyTable {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

impl ApiKeyTable {
    /// Returns the keys in `table`.
    pub fn new(platform: &Platform, table: &str) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&platform.sdk), table: table.to_owned() }
    }

    /// Returns the role of a caller that presents `key`. Reads consistently, so that a deleted key is not found.
    pub async fn verify(&self, key: &ApiKey, now: Timestamp) -> Result<Result<Role, KeyRefusal>, StoreError> {
        let location = key.tenant().api_key_location(key.id());
        let found = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(location.partition().to_owned()))
            .key("sk", AttributeValue::S(location.sort().to_owned()))
            .projection_expression(VERIFIED)
            .consistent_read(true)
            .send()
            .await
            .during("verify API key")?;
        match found.item {
            None => Ok(Err(KeyRefusal::Unknown)),
            Some(item) => Ok(Record::of(&item)?.verify(&key.digest(), now)),
        }
    }
}
