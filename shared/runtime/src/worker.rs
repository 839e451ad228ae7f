//! What `dispatch` hands to a worker.

use bulkhead_stores::SealedJob;
use serde::{Deserialize, Serialize};

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
