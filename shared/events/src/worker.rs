//! Messages between the functions of the job pipeline.

use bulkhead_sealing::Sealed;
use bulkhead_tenancy::names::DocumentId;
use serde::{Deserialize, Serialize};

/// A job in a message. Only a session of its tenant can open it.
///
/// The document id is readable, so that a job can wait while its tenant's key is disabled. The id is a
/// claim: the sealed job must name the same document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedJob {
    document: DocumentId,
    sealed: Sealed,
}

impl SealedJob {
    /// Returns the message for `sealed`, a job of `document`.
    pub fn new(document: DocumentId, sealed: Sealed) -> Self {
        Self { document, sealed }
    }

    /// Returns the document that the message claims.
    pub fn document(&self) -> &DocumentId {
        &self.document
    }

    /// Returns the sealed job.
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }
}

/// A job for one tenant: the input of `ingestion`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerRequest {
    /// The tenant that the message group names. A claim: it selects the session in which the job must
    /// open.
    pub tenant: String,
    /// The sealed job.
    pub job: SealedJob,
}

/// The answer of `ingestion`. With any answer the message is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerAnswer {
    /// Whether more jobs of this tenant are due.
    pub more_due: bool,
}

/// The input of `scheduler`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum SchedulerRequest {
    /// Requeue the due and lost jobs of all tenants. Sent every minute.
    Sweep,
    /// Requeue the due and lost jobs of one tenant.
    Requeue {
        /// The tenant.
        tenant: String,
    },
    /// Let a queued job wait, because no worker is free.
    Defer {
        /// The tenant.
        tenant: String,
        /// The document of the job.
        document: DocumentId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheduler_requests_have_an_action() {
        let read = |json: &str| serde_json::from_str::<SchedulerRequest>(json).ok();
        assert_eq!(read(r#"{"action":"sweep"}"#), Some(SchedulerRequest::Sweep));
        let tenant = "aaaaaaaaaaaaaaaa".to_owned();
        assert_eq!(
            read(r#"{"action":"requeue","tenant":"aaaaaaaaaaaaaaaa"}"#),
            Some(SchedulerRequest::Requeue { tenant })
        );
        for rejected in [
            "{}",
            r#"{"action":"requeue"}"#,
            r#"{"action":"defer","tenant":"aaaaaaaaaaaaaaaa"}"#,
            r#"{"action":"requeue","tenant":"aaaaaaaaaaaaaaaa","partition":"TENANT#b"}"#,
        ] {
            assert_eq!(read(rejected), None, "{rejected}");
        }
    }
}
