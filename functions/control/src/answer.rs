use bulkhead_models::Settings;
use bulkhead_provisioning::{Embedding, KeyKind, TenantRecord, TenantStatus};
use serde::Serialize;

use crate::ControlError;
use crate::runs::{PastRun, RunView};

/// The response to an operator.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ControlAnswer {
    /// The current state of the tenant.
    Tenant(TenantView),
    /// A recorded run that may start.
    Run(RunView),
    /// The tenant's latest runs.
    Runs {
        /// The latest first.
        runs: Vec<PastRun>,
    },
    /// The request succeeded and has no result.
    Done {},
    /// The request failed.
    Failed {
        /// Code and message.
        error: Failure,
    },
}

/// A tenant's registry record.
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
    models: Settings,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Embedding>,
    created_at: String,
    updated_at: String,
}

impl TenantView {
    pub(crate) fn status(&self) -> TenantStatus {
        self.status
    }
}

/// The code and message of a failure.
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
            models: record.models,
            embedding: record.embedding,
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
            ControlError::PlacementChanged => "moved",
            ControlError::Interrupted { .. } => "interrupted",
            ControlError::Provisioning(_) | ControlError::Store(_) => "failed",
        };
        Self::Failed { error: Failure { code, message: error.to_string() } }
    }
}
