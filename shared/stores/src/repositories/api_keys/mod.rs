//! A tenant's API keys: digests and roles, and no secret.

mod record;
mod table;

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use aws_smithy_types::error::operation::BuildError;
use bulkhead_apikeys::ApiKey;
use bulkhead_resilience::Timestamp;
use bulkhead_sealing::{Address, Table};
use bulkhead_tenancy::Role;
use bulkhead_tenancy::names::{ApiKeyId, ItemKey, Purpose, SortPrefix};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, key_attributes, number, text};
use crate::session::TenantSession;
use crate::transaction::transact;

use record::{DIGEST, OLD_DIGEST, OLD_UNTIL, ROTATED_AT, Record};
pub use table::{ApiKeyTable, KeyRefusal};

/// Maximum API keys of one tenant, expired ones included.
pub const MAX_API_KEYS: u32 = 100;
/// Maximum ids to try. Each is taken with a probability of 100 in 2^64.
const MAX_IDS: u8 = 3;

/// An API key as it is stored: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiKey {
    /// The key's id.
    pub id: ApiKeyId,
    /// Its name, for people.
    pub name: String,
    /// What its callers may do.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
    /// The subject of the token or key that created it.
    pub created_by: Option<String>,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When its secret was last replaced.
    pub rotated_at: Option<Timestamp>,
    /// Until when the secret before works, if it still does.
    pub previous_until: Option<Timestamp>,
}

/// An API key to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its name, for people.
    pub name: String,
    /// What its callers may do.
    pub role: Role,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// The subject of the token or key that creates it.
    pub created_by: Option<String>,
}

/// The result of a request to create a key.
#[derive(Debug)]
pub enum Created {
    /// The key with its secret, which is not stored.
    Key(Box<StoredApiKey>, ApiKey),
    /// The tenant has [`MAX_API_KEYS`] keys.
    TooMany,
}

/// The result of a request to replace a key's secret.
#[derive(Debug)]
pub enum Rotated {
    /// The key with its new secret, which is not stored.
    Key(Box<StoredApiKey>, ApiKey),
    /// The tenant has no such key.
    Missing,
    /// The key has expired. A new secret would not work either.
    Expired,
}

/// The sealed part of a key's item.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Content {
    name: String,
    created_by: Option<String>,
}

/// The tenant's API keys.
pub struct ApiKeys<'s> {
    session: TenantSession<'s>,
    table: &'s str,
    stage: &'s str,
}

impl<'s> ApiKeys<'s> {
    /// Returns the keys of the session's tenant in `table`. New keys name `stage`.
    pub fn new(session: TenantSession<'s>, table: &'s str, stage: &'s str) -> Self {
        Self { session, table, stage }
    }

    /// Creates a key. One transaction writes the key and counts it, so that the maximum is exact.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other writers win every race.
    pub async fn create(&self, new: NewApiKey) -> Result<Created, StoreError> {
        const OPERATION: &str = "create API key";
        let content = Content { name: new.name, created_by: new.created_by };
        for _ in 0..MAX_IDS {
            let id = Self::new_id()?;
            let key = self.generate(&id)?;
            let item_key = self.session.scope().api_key_key(&id);
            let record = Record::new(new.role, clock::now(), new.expires_at, key.digest());
            let mut item = record.to_item();
            item.extend(key_attributes(&item_key));
            item.insert(SEALED.to_owned(), self.seal(&item_key, &content).await?);
            let put = Put::builder()
                .table_name(self.table)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(pk)")
                .build()
                .map_err(malformed)?;
            let count = self
                .count(1)
                .condition_expression("attribute_not_exists(#keys) OR #keys < :max")
                .expression_attribute_values(":max", number(MAX_API_KEYS))
                .build()
                .map_err(malformed)?;
            let writes = [
                TransactWriteItem::builder().update(count).build(),
                TransactWriteItem::builder().put(put).build(),
            ];
            match transact(&self.session, OPERATION, writes.into()).await? {
                None => return Ok(Created::Key(Box::new(record.stored(id, content, clock::now())), key)),
                Some(0) => return Ok(Created::TooMany),
                // The id is taken.
                Some(_) => {}
            }
        }
        Err(StoreError::Conflict { operation: OPERATION })
    }

    /// Returns all keys of the tenant, by id.
    pub async fn list(&self) -> Result<Vec<StoredApiKey>, StoreError> {
        const OPERATION: &str = "list API keys";
        let partition = self.session.scope().partition();
        let mut pages = self
            .session
            .dynamodb()
            .query()
            .table_name(self.table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(":partition", text(partition.as_str()))
            .expression_attribute_values(":prefix", text(SortPrefix::ApiKey.as_str()))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page.during(OPERATION)?.items.unwrap_or_default() {
                let id = record::id_of(&item)?;
                keys.push(self.open(id, &item).await?);
            }
        }
        Ok(keys)
    }

    /// Returns the key; `None` if the tenant has no such key.
    pub async fn get(&self, id: &ApiKeyId) -> Result<Option<StoredApiKey>, StoreError> {
        match self.read(id).await? {
            Some(item) => self.open(id.clone(), &item).await.map(Some),
            None => Ok(None),
        }
    }

    /// Gives the key a new secret. The secret before works for `overlap` more; an older one ends at once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another caller rotates or deletes the key at the same time.
    pub async fn rotate(&self, id: &ApiKeyId, overlap: Duration) -> Result<Rotated, StoreError> {
        const OPERATION: &str = "rotate API key";
        let Some(item) = self.read(id).await? else { return Ok(Rotated::Missing) };
        let record = Record::of(&item)?;
        let now = clock::now();
        if record.expired(now) {
            return Ok(Rotated::Expired);
        }
        let key = self.generate(id)?;
        let (replaced, update) = if overlap.is_zero() {
            (
                record.replaced(key.digest(), now, None),
                format!("SET {DIGEST} = :new, {ROTATED_AT} = :now REMOVE {OLD_DIGEST}, {OLD_UNTIL}"),
            )
        } else {
            let until = now.after(overlap);
            (
                record.replaced(key.digest(), now, Some(until)),
                format!(
                    "SET {DIGEST} = :new, {ROTATED_AT} = :now, {OLD_DIGEST} = :old, {OLD_UNTIL} = :until"
                ),
            )
        };
        let mut call = self
            .session
            .dynamodb()
            .update_item()
            .table_name(self.table)
            .set_key(Some(key_attributes(&self.session.scope().api_key_key(id))))
            .update_expression(update)
            .condition_expression(format!("{DIGEST} = :old"))
            .expression_attribute_values(":old", record::binary(&record.digest))
            .expression_attribute_values(":new", record::binary(&key.digest()))
            .expression_attribute_values(":now", text(&now.to_string()));
        if let Some((_, until)) = &replaced.old {
            call = call.expression_attribute_values(":until", text(&until.to_string()));
        }
        match call.send().await.during(OPERATION) {
            // The answer to an earlier attempt of the SDK was lost: no two secrets are equal.
            Err(StoreError::Conflict { .. }) if self.has_digest(id, &key).await? => {}
            other => drop(other?),
        }
        let content = self.content(&self.session.scope().api_key_key(id), &item).await?;
        Ok(Rotated::Key(Box::new(replaced.stored(id.clone(), content, now)), key))
    }

    /// Deletes the key. Returns `false` if the tenant has no such key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other writers win every race.
    pub async fn delete(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete API key";
        let delete = Delete::builder()
            .table_name(self.table)
            .set_key(Some(key_attributes(&self.session.scope().api_key_key(id))))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(malformed)?;
        let count = self.count(-1).build().map_err(malformed)?;
        let writes = vec![
            TransactWriteItem::builder().update(count).build(),
            TransactWriteItem::builder().delete(delete).build(),
        ];
        Ok(transact(&self.session, OPERATION, writes).await?.is_none())
    }

    /// Returns a new random id. It is no secret; a taken one is found when it is written.
    fn new_id() -> Result<ApiKeyId, StoreError> {
        ApiKeyId::parse(&format!("{:016x}", fastrand::u64(..)))
            .map_err(|error| StoreError::corrupt("create API key", error.to_string()))
    }

    fn generate(&self, id: &ApiKeyId) -> Result<ApiKey, StoreError> {
        ApiKey::generate(self.stage, self.session.tenant(), id)
            .map_err(|error| StoreError::corrupt("create API key", error.to_string()))
    }

    /// Returns the change of the tenant's number of keys.
    fn count(&self, by: i8) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(self.table)
            .set_key(Some(key_attributes(&self.session.scope().api_key_count_key())))
            .update_expression("ADD #keys :by")
            .expression_attribute_names("#keys", "keys")
            .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
    }

    async fn read(&self, id: &ApiKeyId) -> Result<Option<Item>, StoreError> {
        let found = self
            .session
            .dynamodb()
            .get_item()
            .table_name(self.table)
            .set_key(Some(key_attributes(&self.session.scope().api_key_key(id))))
            .consistent_read(true)
            .send()
            .await
            .during("read API key")?;
        Ok(found.item)
    }

    async fn has_digest(&self, id: &ApiKeyId, key: &ApiKey) -> Result<bool, StoreError> {
        let Some(item) = self.read(id).await? else { return Ok(false) };
        Ok(Record::of(&item)?.digest.matches(&key.digest()))
    }

    async fn open(&self, id: ApiKeyId, item: &Item) -> Result<StoredApiKey, StoreError> {
        let record = Record::of(item)?;
        let content = self.content(&self.session.scope().api_key_key(&id), item).await?;
        Ok(record.stored(id, content, clock::now()))
    }

    async fn seal(&self, key: &ItemKey, content: &Content) -> Result<AttributeValue, StoreError> {
        let sealed = items::seal_at(&self.session, &address(key), content).await?;
        Ok(AttributeValue::B(sealed.into_bytes().into()))
    }

    async fn content(&self, key: &ItemKey, item: &Item) -> Result<Content, StoreError> {
        let sealed = items::sealed_attribute(item, SEALED);
        let sealed = sealed.ok_or_else(|| StoreError::corrupt("open API key", "no sealed part"))?;
        items::open_at(&self.session, &address(key), &sealed).await
    }
}

fn address(key: &ItemKey) -> Address {
    Address::item(Purpose::ApiKey, Table::ApiKeys, key, SEALED)
}

fn malformed(error: BuildError) -> StoreError {
    StoreError::corrupt("write API key", error.to_string())
}
