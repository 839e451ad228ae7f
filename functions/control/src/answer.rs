use bulkhead_provisioning::{KeyKind, TenantRecord, TenantStatus};
use serde::Serialize;

use crate::ControlError;
use crate::runs::{PastRun, RunView};

/// What an operator is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ControlAnswer {
    /// The tenant, as it is now.
    Tenant(TenantView),
    /// A run that may begin.
    Run(RunView),
    /// The tenant's latest runs.
    Runs {
        /// The latest first.
        runs: Vec<PastRun>,
    },
    /// It was done.
    Done {},
    /// Why nothing was done.
    Failed {
        /// Code and message.
        error: Failure,
    },
}

/// A tenant.
#[derive(Debug, Serialize)]
pub struct TenantView {
    tenant: String,
    display_name: String,
    tier: String,
    status: TenantStatus,
    key: KeyKind,
    key_arn: Option<String>,
    vector_bucket: String,
    index: String,
    created_at: String,
    updated_at: String,
}

impl TenantView {
    pub(crate) fn status(&self) -> TenantStatus {
        self.status
    }
}

/// A failure.
#[derive(Debug, Serialize)]
pub struct Failure {
    code: &'static str,
    message: String,
}

impl From<TenantRecord> for TenantView {
    fn from(record: TenantRecord) -> Self {
        Self {
            tenant: record.tenant.into(),
            display_name: record.display_name,
            tier: record.tier,
            status: record.status,
            key: record.key,
            key_arn: record.key_arn,
            vector_bucket: record.vector_bucket,
            index: record.index,
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
        }
    }
}

impl From<&ControlError> for ControlAnswer {
    fn from(error: &ControlError) -> Self {
        let code = match error {
            ControlError::Invalid(_) => "invalid",
            ControlError::UnknownTenant => "unknown_tenant",
            ControlError::WrongStatus => "wrong_status",
            ControlError::Moved => "moved",
            ControlError::Interrupted { .. } => "interrupted",
            ControlError::Provisioning(_) | ControlError::Store(_) => "failed",
        };
        Self::Failed { error: Failure { code, message: error.to_string() } }
    }
}
