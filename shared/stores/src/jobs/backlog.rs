//! The tenants of a tier that have unfinished jobs.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use bulkhead_tenancy::TenantScope;
use serde::Deserialize;

use crate::error::{Classify, StoreError};
use crate::items::{self, new_etag, text};
use crate::platform::Platform;
use crate::session::TenantSession;

/// One tenant's entry in the tier's backlog, written in the tenant's session.
///
/// The backlog is a table with one entry for each tenant that has unfinished jobs, and nothing else.
pub struct TenantBacklog<'s> {
    session: TenantSession<'s>,
    table: &'s str,
}

impl<'s> TenantBacklog<'s> {
    /// Returns the entry of the session's tenant in `table`.
    pub fn new(session: TenantSession<'s>, table: &'s str) -> Self {
        Self { session, table }
    }

    /// Returns the write that marks the tenant. It belongs to the transaction that makes a job active or
    /// due, so the job and the mark exist together.
    pub(super) fn mark(&self) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(self.table)
            .item("pk", self.key())
            .item("etag", text(&new_etag()))
            .build()
            .map_err(|error| StoreError::corrupt("mark backlog", error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Removes the entry that was `seen`, unless it was marked again since.
    pub async fn clear(&self, seen: &BacklogEntry) -> Result<(), StoreError> {
        let deleted = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(self.table)
            .key("pk", self.key())
            .condition_expression("etag = :etag")
            .expression_attribute_values(":etag", text(&seen.etag))
            .send()
            .await;
        match deleted.during("clear backlog") {
            Err(StoreError::Conflict { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    fn key(&self) -> AttributeValue {
        text(self.session.scope().partition().as_str())
    }
}

/// An entry of the backlog, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BacklogEntry {
    #[serde(rename = "pk")]
    partition: String,
    etag: String,
}

impl BacklogEntry {
    /// Returns the partition key of the entry's tenant. Only a session of that tenant can write it.
    pub fn partition(&self) -> &str {
        &self.partition
    }
}

/// The backlog of a tier, read with the function's own role: which tenants have unfinished jobs.
pub struct BacklogTable {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

impl BacklogTable {
    /// Returns the backlog in `table`.
    pub fn new(platform: &Platform, table: &str) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&platform.sdk), table: table.to_owned() }
    }

    /// Returns the name of the table.
    pub fn name(&self) -> &str {
        &self.table
    }

    /// Returns the entry of the tenant of `scope`.
    pub async fn get(&self, scope: &TenantScope<'_>) -> Result<Option<BacklogEntry>, StoreError> {
        const OPERATION: &str = "read backlog";
        let found = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("pk", text(scope.partition().as_str()))
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        found.item.map(|item| items::record(OPERATION, item)).transpose()
    }

    /// Returns the entries after `after`, in no order, and whether more may follow.
    pub async fn page(&self, after: Option<&BacklogEntry>) -> Result<(Vec<BacklogEntry>, bool), StoreError> {
        const OPERATION: &str = "list backlog";
        let found = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .set_exclusive_start_key(after.map(|entry| [("pk".to_owned(), text(&entry.partition))].into()))
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        let more = found.last_evaluated_key.is_some();
        let entries = found.items.unwrap_or_default().into_iter().map(|item| items::record(OPERATION, item));
        Ok((entries.collect::<Result<_, _>>()?, more))
    }
}
