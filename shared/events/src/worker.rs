//! What `dispatch` hands to a worker.

use bulkhead_sealing::Sealed;
use serde::{Deserialize, Serialize};

/// A job as it travels: readable by nobody but its tenant's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedJob {
    sealed: Sealed,
}

impl SealedJob {
    /// Takes a sealed job.
    pub fn new(sealed: Sealed) -> Self {
        Self { sealed }
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
