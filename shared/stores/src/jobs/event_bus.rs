//! Publishes events of documents, with the function's own role.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::DateTime;
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::EventId;
use serde_json::{Value, json};

use super::outbox::{DocumentChange, DocumentEvent};
use crate::error::{Classify, StoreError};
use crate::platform::Platform;

/// Maximum events in one call of EventBridge.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
const MAX_ENTRIES: usize = 10;
const SOURCE: &str = "bulkhead";

/// The event bus of a tier. Uses the function's own role; only `scheduler` may publish.
pub struct EventBus {
    events: aws_sdk_eventbridge::Client,
    name: String,
}

impl EventBus {
    /// Maximum events that [`Self::publish`] takes.
    pub const MAX_EVENTS: usize = MAX_ENTRIES;

    /// Returns the bus with this name or ARN.
    pub fn new(platform: &Platform, name: &str) -> Self {
        Self { events: aws_sdk_eventbridge::Client::new(&platform.sdk), name: name.to_owned() }
    }

    /// Publishes events of the tenant of `scope`. Returns the ids of those that EventBridge accepted.
    pub async fn publish(
        &self,
        scope: &TenantScope<'_>,
        events: &[DocumentEvent],
    ) -> Result<Vec<EventId>, StoreError> {
        let entries = events.iter().map(|event| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(kind(event.change))
                .time(DateTime::from_millis(
                    i64::try_from(event.occurred_at.as_milliseconds()).unwrap_or_default(),
                ))
                .detail(detail(scope, event).to_string())
                .build()
        });
        let sent = self
            .events
            .put_events()
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .during("publish events")?;
        let results = sent.entries.unwrap_or_default();
        // EventBridge answers each entry, in order.
        Ok(events
            .iter()
            .zip(results)
            .filter(|(_, result)| result.event_id.is_some() && result.error_code.is_none())
            .map(|(event, _)| event.id.clone())
            .collect())
    }
}

fn kind(change: DocumentChange) -> &'static str {
    match change {
        DocumentChange::Ready => "document.ready",
        DocumentChange::Unreadable | DocumentChange::AttemptsFailed => "document.failed",
    }
}

/// Returns what the event says. The scope decides the tenant, not the stored item.
fn detail(scope: &TenantScope<'_>, event: &DocumentEvent) -> Value {
    let reason = match event.change {
        DocumentChange::Ready => None,
        DocumentChange::Unreadable => Some("unreadable"),
        DocumentChange::AttemptsFailed => Some("attempts_failed"),
    };
    let mut detail = json!({
        "id": event.id.as_str(),
        "type": kind(event.change),
        "tenant": scope.tenant().as_str(),
        "document": event.document.as_str(),
        "occurred_at": event.occurred_at.to_string(),
    });
    if let Value::Object(members) = &mut detail {
        members.extend(event.revision.map(|revision| ("revision".to_owned(), json!(revision))));
        members.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
    }
    detail
}

#[cfg(test)]
mod tests {
    use bulkhead_resilience::Timestamp;
    use bulkhead_tenancy::names::DocumentId;
    use bulkhead_tenancy::{Admission, Invocation, IsolationMode};

    use super::*;

    #[test]
    fn event_has_ids_and_no_text() {
        let tenant = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
        let invocation = Invocation::begin();
        let admission = Admission::new(IsolationMode::PerTenant);
        let scope = admission.request(&invocation, Some(tenant), Some(tenant)).expect("admitted");
        let event = |change, revision| DocumentEvent {
            id: EventId::at(1_800_000_000_000, 7),
            document: DocumentId::parse("0192f3c5b7a07e0e9d3a5c1b2d4e6f82").expect("an id"),
            revision,
            change,
            occurred_at: Timestamp::from_milliseconds(1_800_000_000_000),
        };
        let ready = event(DocumentChange::Ready, Some(2));
        assert_eq!(kind(ready.change), "document.ready");
        assert_eq!(
            detail(&scope, &ready),
            json!({
                "id": ready.id.as_str(), "type": "document.ready", "tenant": tenant,
                "document": "0192f3c5b7a07e0e9d3a5c1b2d4e6f82", "revision": 2,
                "occurred_at": "2027-01-15T08:00:00.000Z",
            })
        );
        let failed = event(DocumentChange::AttemptsFailed, None);
        assert_eq!(kind(failed.change), "document.failed");
        let detail = detail(&scope, &failed);
        assert_eq!((&detail["reason"], detail.get("revision")), (&json!("attempts_failed"), None));
    }
}
