//! What `dispatch` hands to a worker.

use bulkhead_sealing::Sealed;
use bulkhead_tenancy::names::DocumentId;
use serde::{Deserialize, Serialize};

/// A job as it travels: readable by nobody but its tenant's session.
///
/// Only which document it is about can be read, so that a job whose tenant's key is out of
/// use can be put aside. A claim: what was sealed has to say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedJob {
    document: DocumentId,
    sealed: Sealed,
}

impl SealedJob {
    /// Takes a sealed job about `document`.
    pub fn new(document: DocumentId, sealed: Sealed) -> Self {
        Self { document, sealed }
    }

    /// Returns the document that it says it is about.
    pub fn document(&self) -> &DocumentId {
        &self.document
    }

    /// Returns what was sealed.
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }
}

/// A job for one tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerRequest {
    /// The tenant that the message's group names. A claim: it selects the session in
    /// which the job has to open.
    pub tenant: String,
    /// The job, sealed to its tenant.
    pub job: SealedJob,
}

/// What a worker answers. Whatever it says, the job's message has served its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerAnswer {
    /// Whether jobs of this tenant wait that could be worked on now.
    pub release: bool,
}

/// What has to be released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRequest {
    /// The partition of the one tenant whose jobs are looked at; all tenants' in turn where
    /// there is none, as in a scheduled event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// A document of that tenant whose job is put aside, since it has no worker left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<DocumentId>,
}
