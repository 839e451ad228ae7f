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

/// A stored object, for which no job is accepted yet.
///
/// Not sealed: the object's key names the tenant, and the worker of that tenant accepts the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredObject {
    /// The name of the bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The object's size in bytes.
    pub bytes: u64,
}

/// A message of the job queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Work {
    /// A queued job.
    Job(SealedJob),
    /// A stored object, from `intake`.
    Stored(StoredObject),
}

/// Work for one tenant: the input of `ingestion`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerRequest {
    /// The tenant that the message group names. A claim: a job must open in that tenant's session, and the
    /// key of a stored object must name the same tenant.
    pub tenant: String,
    /// The message.
    pub work: Work,
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
    /// Requeue the due and lost jobs of some tenants. Sent by `dispatch` for one tenant, and by a sweep that
    /// has more tenants than one invocation can handle.
    Requeue {
        /// The tenants.
        tenants: Vec<String>,
    },
    /// Let a queued job wait, because no worker is free. Accepts the job of a stored object first.
    Defer {
        /// The tenant that the message group names.
        tenant: String,
        /// The message that has no worker.
        work: Work,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_job_or_a_stored_object() {
        let read = |json: &str| serde_json::from_str::<Work>(json).ok();
        let stored = StoredObject { bucket: "b".to_owned(), key: "k".to_owned(), bytes: 7 };
        assert_eq!(read(r#"{"bucket":"b","key":"k","bytes":7}"#), Some(Work::Stored(stored)));
        for rejected in [
            "{}",
            r#"{"bucket":"b","key":"k"}"#,
            r#"{"bucket":"b","key":"k","bytes":-1}"#,
            r#"{"bucket":"b","key":"k","bytes":7,"tenant":"aaaaaaaaaaaaaaaa"}"#,
            r#"{"document":"0","bucket":"b","key":"k","bytes":7}"#,
        ] {
            assert_eq!(read(rejected), None, "{rejected}");
        }
    }

    #[test]
    fn scheduler_requests_have_an_action() {
        let read = |json: &str| serde_json::from_str::<SchedulerRequest>(json).ok();
        assert_eq!(read(r#"{"action":"sweep"}"#), Some(SchedulerRequest::Sweep));
        let tenants = vec!["aaaaaaaaaaaaaaaa".to_owned()];
        assert_eq!(
            read(r#"{"action":"requeue","tenants":["aaaaaaaaaaaaaaaa"]}"#),
            Some(SchedulerRequest::Requeue { tenants })
        );
        for rejected in [
            "{}",
            r#"{"action":"requeue"}"#,
            r#"{"action":"defer","tenant":"aaaaaaaaaaaaaaaa"}"#,
            r#"{"action":"requeue","tenants":["aaaaaaaaaaaaaaaa"],"partition":"TENANT#b"}"#,
        ] {
            assert_eq!(read(rejected), None, "{rejected}");
        }
    }
}
