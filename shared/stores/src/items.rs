//! Reads and writes items of the tenant table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_sealing::{Address, Sealed, Table};
use bulkhead_tenancy::names::{ItemKey, Purpose, SortPrefix};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Classify, StoreError};
use crate::page::PageLimit;
use crate::session::TenantSession;

/// Items that one call reads while listing.
const QUERY_PAGE: i32 = 2 * PageLimit::MAX as i32;

pub(crate) type Item = HashMap<String, AttributeValue>;

const OPEN: &str = "open item";

/// The attribute that holds an item's sealed part.
pub(crate) const SEALED: &str = "sealed";

/// Returns the key attributes of `key`.
pub(crate) fn key_attributes(key: &ItemKey) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.partition().to_owned())),
        ("sk".to_owned(), AttributeValue::S(key.sort().to_owned())),
    ])
}

/// Returns `record` as an item under `key`.
pub(crate) fn item<T: Serialize>(key: &ItemKey, record: &T) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(record)
        .map_err(|error| StoreError::corrupt("write item", error.to_string()))?;
    item.extend(key_attributes(key));
    Ok(item)
}

/// Returns `value` as a text attribute.
pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Returns `value` as a number attribute.
pub(crate) fn number(value: u32) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns a new random etag. No two are equal.
pub(crate) fn new_etag() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// Returns `value` as an attribute.
pub(crate) fn attribute<T: Serialize>(
    operation: &'static str,
    value: &T,
) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::corrupt(operation, error.to_string()))
}

/// Reads `item` as a record.
pub(crate) fn record<T: DeserializeOwned>(operation: &'static str, item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::corrupt(operation, error.to_string()))
}

/// Reads the item at `key`, consistently.
pub(crate) async fn get(
    session: &TenantSession<'_>,
    operation: &'static str,
    key: &ItemKey,
) -> Result<Option<Item>, StoreError> {
    let found = session
        .dynamodb()
        .get_item()
        .table_name(&session.settings().table)
        .set_key(Some(key_attributes(key)))
        .consistent_read(true)
        .send()
        .await
        .during(operation)?;
    Ok(found.item)
}

/// Deletes the item at `key`, if it exists.
pub(crate) async fn delete(
    session: &TenantSession<'_>,
    operation: &'static str,
    key: &ItemKey,
) -> Result<(), StoreError> {
    session
        .dynamodb()
        .delete_item()
        .table_name(&session.settings().table)
        .set_key(Some(key_attributes(key)))
        .send()
        .await
        .during(operation)?;
    Ok(())
}

/// Lists items of one kind in the tenant's partition, after the sort key `after`.
///
/// Skips items that are not `visible`. Returns whether more items follow.
pub(crate) async fn list(
    session: &TenantSession<'_>,
    operation: &'static str,
    prefix: SortPrefix,
    after: Option<ItemKey>,
    limit: PageLimit,
    visible: fn(&Item) -> bool,
) -> Result<(Vec<Item>, bool), StoreError> {
    let partition = session.scope().partition();
    let mut start = after.as_ref().map(key_attributes);
    let mut items = Vec::new();
    loop {
        let page = session
            .dynamodb()
            .query()
            .table_name(&session.settings().table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(":partition", AttributeValue::S(partition.as_str().to_owned()))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.as_str().to_owned()))
            .set_exclusive_start_key(start)
            // Reads more than one page, so that skipped items do not cost extra calls.
            .limit(QUERY_PAGE)
            .consistent_read(true)
            .send()
            .await
            .during(operation)?;
        items.extend(page.items.unwrap_or_default().into_iter().filter(visible));
        start = page.last_evaluated_key;
        if items.len() > limit.get() || start.is_none() {
            break;
        }
    }
    let more = items.len() > limit.get();
    items.truncate(limit.get());
    Ok((items, more))
}

/// Returns one page of the items of one kind in the tenant's partition, by sort key from the last to the first, before
/// the item `start`, and whether more may follow.
pub(crate) async fn list_back(
    session: &TenantSession<'_>,
    operation: &'static str,
    prefix: SortPrefix,
    start: Option<ItemKey>,
) -> Result<(Vec<Item>, bool), StoreError> {
    let page = session
        .dynamodb()
        .query()
        .table_name(&session.settings().table)
        .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
        .expression_attribute_values(":partition", text(session.scope().partition().as_str()))
        .expression_attribute_values(":prefix", text(prefix.as_str()))
        .set_exclusive_start_key(start.as_ref().map(key_attributes))
        .scan_index_forward(false)
        .limit(QUERY_PAGE)
        .consistent_read(true)
        .send()
        .await
        .during(operation)?;
    let more = page.last_evaluated_key.is_some();
    Ok((page.items.unwrap_or_default(), more))
}

/// Seals `value` as the sealed part of the item at `key`, as an attribute.
pub(crate) async fn seal<T: Serialize>(
    session: &TenantSession<'_>,
    purpose: Purpose,
    key: &ItemKey,
    value: &T,
) -> Result<AttributeValue, StoreError> {
    let sealed = seal_value(session, purpose, key, value).await?;
    Ok(AttributeValue::B(sealed.into_bytes().into()))
}

/// Seals `value` as the sealed part of the item at `key`.
pub(crate) async fn seal_value<T: Serialize>(
    session: &TenantSession<'_>,
    purpose: Purpose,
    key: &ItemKey,
    value: &T,
) -> Result<Sealed, StoreError> {
    seal_at(session, &Address::item(purpose, Table::Tenants, key, SEALED), value).await
}

/// Seals `value` at `address`.
pub(crate) async fn seal_at<T: Serialize>(
    session: &TenantSession<'_>,
    address: &Address,
    value: &T,
) -> Result<Sealed, StoreError> {
    let plaintext =
        serde_json::to_vec(value).map_err(|error| StoreError::corrupt("seal item", error.to_string()))?;
    let profile = session.profile().await?;
    session.sealer().seal(session.scope(), &profile.key_arn, address, &plaintext).await
}

/// Opens `sealed`, which was read at `address`.
pub(crate) async fn open_at<T: DeserializeOwned>(
    session: &TenantSession<'_>,
    address: &Address,
    sealed: &Sealed,
) -> Result<T, StoreError> {
    let profile = session.profile().await?;
    let plaintext = session.sealer().open(session.scope(), &profile.key_arn, address, sealed).await?;
    serde_json::from_slice(&plaintext).map_err(|error| StoreError::corrupt(OPEN, error.to_string()))
}

/// Returns the sealed attribute `name` of `item`; `None` if it is missing.
pub(crate) fn sealed_attribute(item: &Item, name: &str) -> Option<Sealed> {
    match item.get(name) {
        Some(AttributeValue::B(bytes)) => Some(Sealed::from_bytes(bytes.as_ref().to_vec())),
        _ => None,
    }
}

/// Seals `value` as another sealed attribute of the item at `key`.
pub(crate) async fn seal_attribute<T: Serialize>(
    session: &TenantSession<'_>,
    purpose: Purpose,
    key: &ItemKey,
    attribute: &str,
    value: &T,
) -> Result<AttributeValue, StoreError> {
    let sealed = seal_at(session, &Address::item(purpose, Table::Tenants, key, attribute), value).await?;
    Ok(AttributeValue::B(sealed.into_bytes().into()))
}

/// Opens another sealed attribute of `item`, which was read at `key`; `None` if it is missing.
pub(crate) async fn open_attribute<T: DeserializeOwned>(
    session: &TenantSession<'_>,
    purpose: Purpose,
    key: &ItemKey,
    attribute: &str,
    item: &Item,
) -> Result<Option<T>, StoreError> {
    let Some(sealed) = sealed_attribute(item, attribute) else { return Ok(None) };
    open_at(session, &Address::item(purpose, Table::Tenants, key, attribute), &sealed).await.map(Some)
}

/// Opens the sealed part of `item`, which was read at `key`.
pub(crate) async fn open<T: DeserializeOwned>(
    session: &TenantSession<'_>,
    purpose: Purpose,
    key: &ItemKey,
    item: &Item,
) -> Result<T, StoreError> {
    let sealed = sealed_attribute(item, SEALED).ok_or_else(|| StoreError::corrupt(OPEN, "no sealed part"))?;
    open_value(session, purpose, key, &sealed).await
}

/// Opens `sealed`, the sealed part of the item at `key`.
pub(crate) async fn open_value<T: DeserializeOwned>(
    session: &TenantSession<'_>,
    purpose: Purpose,
    key: &ItemKey,
    sealed: &Sealed,
) -> Result<T, StoreError> {
    open_at(session, &Address::item(purpose, Table::Tenants, key, SEALED), sealed).await
}
