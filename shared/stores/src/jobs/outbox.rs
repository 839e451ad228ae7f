//! The events of a tenant's documents that are not yet published.
//!
//! The transaction that ends a job writes the event beside it, and the scheduler publishes it. So no event is lost, and
//! none tells of a change that did not happen. An event may be published twice, with the same id.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use bulkhead_resilience::{Timestamp, rfc3339};
use bulkhead_tenancy::names::{DocumentId, EventId, Revision, SortPrefix};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, text};
use crate::session::TenantSession;
use crate::transaction::malformed;

/// How long an event stays if it cannot be published, seconds. As long as SQS keeps a message at most.
const KEEP_SECONDS: i64 = 14 * 24 * 60 * 60;

/// What happened to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentChange {
    /// The newest revision is searchable.
    Ready,
    /// The document cannot be read. Its job is dead.
    Unreadable,
    /// No attempt is left. The job is dead.
    AttemptsFailed,
}

/// An event of a document. It has ids and no text of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentEvent {
    /// The id of the event. A repetition has the same one.
    pub id: EventId,
    /// The document.
    pub document: DocumentId,
    /// The revision, if the change concerns one.
    pub revision: Option<u32>,
    /// What happened.
    pub change: DocumentChange,
    /// When it happened.
    #[serde(with = "rfc3339")]
    pub occurred_at: Timestamp,
}

#[derive(Serialize)]
struct Stored<'e> {
    #[serde(flatten)]
    event: &'e DocumentEvent,
    /// When DynamoDB deletes the item, in seconds since 1970.
    expires_at: i64,
}

/// The events of a tenant's documents that are not yet published.
pub struct Outbox<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the events of the tenant's documents that are not yet published.
    pub fn outbox(&self) -> Outbox<'s> {
        Outbox { session: *self }
    }
}

impl Outbox<'_> {
    /// Returns the write of a new event, as a part of the transaction that changes the document.
    pub(super) fn write(
        &self,
        document: &DocumentId,
        revision: Option<Revision>,
        change: DocumentChange,
    ) -> Result<TransactWriteItem, StoreError> {
        let occurred_at = clock::now();
        let id = EventId::at(occurred_at.as_milliseconds(), fastrand::u128(..));
        let revision = revision.map(Revision::number);
        let event = DocumentEvent { id, document: document.clone(), revision, change, occurred_at };
        let key = self.session.scope().event_key(&event.id);
        let stored = Stored { event: &event, expires_at: occurred_at.as_seconds() + KEEP_SECONDS };
        let put = Put::builder()
            .table_name(&self.session.settings().table)
            .set_item(Some(items::item(&key, &stored)?))
            .build()
            .map_err(malformed)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns at most `limit` events, oldest first.
    pub async fn oldest(&self, limit: u16) -> Result<Vec<DocumentEvent>, StoreError> {
        const OPERATION: &str = "list events";
        let page = self
            .session
            .dynamodb()
            .query()
            .table_name(&self.session.settings().table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(":partition", text(self.session.scope().partition().as_str()))
            .expression_attribute_values(":prefix", text(SortPrefix::Event.as_str()))
            .limit(limit.into())
            .consistent_read(true)
            .send()
            .await
            .during(OPERATION)?;
        page.items.unwrap_or_default().into_iter().map(|item| items::record(OPERATION, item)).collect()
    }

    /// Removes a published event.
    pub async fn remove(&self, event: &EventId) -> Result<(), StoreError> {
        items::delete(&self.session, "remove event", &self.session.scope().event_key(event)).await
    }
}
