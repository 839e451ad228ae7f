//! Finding the jobs whose time has come, and the tenants that have any.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use bulkhead_tenancy::names::SortPrefix;
use serde::Deserialize;

use super::{Job, Jobs, Record, text};
use crate::clock::Moment;
use crate::error::Classify;
use crate::repositories::items;
use crate::{Platform, StoreError, TenantSession};

/// Open jobs looked at in one sweep of a tenant.
const LOOKED_AT: i32 = 1_000;
/// Tenants in one page of the backlog.
const TENANTS: i32 = 100;

impl Jobs<'_> {
    /// Returns up to `limit` waiting jobs that are due, those first that are due the longest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(&self, now: Moment, limit: u16) -> Result<Vec<Job>, StoreError> {
        const OPERATION: &str = "find jobs that are due";
        let prefix = SortPrefix::Parked.as_str();
        let found = self
            .session
            .dynamodb()
            .query()
            .table_name(&self.session.settings().table)
            .key_condition_expression("pk = :partition AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":partition", text(self.session.scope().partition().as_str()))
            .expression_attribute_values(":first", text(prefix))
            // `$` follows `#`: every document's job of this very millisecond.
            .expression_attribute_values(":last", text(&format!("{prefix}{:014}$", now.as_millisecond())))
            .limit(i32::from(limit))
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item| {
                let record: Record = items::record(OPERATION, item)?;
                let key = self.session.scope().parked_key(record.until, &record.document);
                Ok(Job { key, record })
            })
            .collect()
    }

    /// Returns the tenant's open jobs, a thousand at most: queued or running.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_open(&self) -> Result<Vec<Job>, StoreError> {
        const OPERATION: &str = "list open jobs";
        let found = self.with_prefix(OPERATION, SortPrefix::Job, LOOKED_AT).await?.into_iter().map(|item| {
            let record: Record = items::record(OPERATION, item)?;
            Ok(Job { key: self.session.scope().job_key(&record.document), record })
        });
        found.collect()
    }

    /// Whether any job of the tenant waits, due or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn any_waiting(&self) -> Result<bool, StoreError> {
        Ok(!self.with_prefix("find waiting jobs", SortPrefix::Parked, 1).await?.is_empty())
    }

    async fn with_prefix(
        &self,
        operation: &'static str,
        prefix: SortPrefix,
        limit: i32,
    ) -> Result<Vec<items::Item>, StoreError> {
        let found = self
            .session
            .dynamodb()
            .query()
            .table_name(&self.session.settings().table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(":partition", text(self.session.scope().partition().as_str()))
            .expression_attribute_values(":prefix", text(prefix.as_str()))
            .limit(limit)
            .consistent_read(true)
            .send()
            .await
            .during(operation)?;
        Ok(found.items.unwrap_or_default())
    }
}

/// A tier's list of the tenants that have something to do: a table of its own, with one
/// entry for each, which holds nothing else. Each tenant's session writes its own entry.
pub struct Backlog<'s> {
    session: TenantSession<'s>,
    table: &'s str,
}

impl<'s> Backlog<'s> {
    /// Returns the entry of the session's tenant in `table`.
    pub fn new(session: TenantSession<'s>, table: &'s str) -> Self {
        Self { session, table }
    }

    /// The note that the tenant has something to do: part of the transaction by which it comes
    /// to have it, so that none is without the other.
    pub(super) fn noting(&self) -> Result<TransactWriteItem, StoreError> {
        let note = Put::builder()
            .table_name(self.table)
            .item("pk", self.key())
            .item("noted", text(&super::moves::new_mark()))
            .build()
            .map_err(|error| StoreError::corrupt("note backlog", error.to_string()))?;
        Ok(TransactWriteItem::builder().put(note).build())
    }

    /// Takes the entry back that was `seen`, unless it was noted again since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear(&self, seen: &Seen) -> Result<(), StoreError> {
        let deleted = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(self.table)
            .key("pk", self.key())
            .condition_expression("noted = :noted")
            .expression_attribute_values(":noted", text(&seen.noted))
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

/// An entry of the backlog, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    #[serde(rename = "pk")]
    partition: String,
    noted: String,
}

impl Seen {
    /// Returns the partition that the entry is about, which only a session of its tenant
    /// can have written.
    pub fn partition(&self) -> &str {
        &self.partition
    }
}

/// A tier's backlog, read with the function's own role: who has something to do, and
/// nothing of what.
pub struct Backlogs {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

impl Backlogs {
    /// Returns the backlog in `table`.
    pub fn new(platform: &Platform, table: &str) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&platform.sdk), table: table.to_owned() }
    }

    /// Returns the name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns the entry of a partition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, partition: &str) -> Result<Option<Seen>, StoreError> {
        const OPERATION: &str = "read backlog";
        let found = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("pk", text(partition))
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        found.item.map(|item| items::record(OPERATION, item)).transpose()
    }

    /// Returns entries after `after`, in no order, and whether more may follow.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(&self, after: Option<&Seen>) -> Result<(Vec<Seen>, bool), StoreError> {
        const OPERATION: &str = "list backlog";
        let found = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .set_exclusive_start_key(after.map(|seen| [("pk".to_owned(), text(&seen.partition))].into()))
            .limit(TENANTS)
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        let more = found.last_evaluated_key.is_some();
        let seen = found.items.unwrap_or_default().into_iter().map(|item| items::record(OPERATION, item));
        Ok((seen.collect::<Result<_, _>>()?, more))
    }
}
