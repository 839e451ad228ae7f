#![doc = include_str!("../README.md")]

mod indexes;
mod keys;
mod registry;
mod runs;
mod usage;

pub use indexes::{Indexes, NewIndex};
pub use keys::{KeyUsers, Keys};
pub use registry::{Embedding, KeyKind, NewTenant, Registry, TenantRecord, TenantStatus};
pub use runs::{RunRecord, Runs};
pub use usage::UsagePlan;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why a call of the control plane failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// The condition of a write did not hold: the record exists already or has another state.
    #[error("{operation}: the record is not in the expected state")]
    Conflict {
        /// The operation.
        operation: &'static str,
    },
    /// The call to AWS failed.
    #[error("{operation}: the call to AWS failed")]
    Call {
        /// The operation.
        operation: &'static str,
        /// The error of the AWS SDK.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record or response is malformed.
    #[error("{operation}: malformed data: {what}")]
    Corrupt {
        /// The operation.
        operation: &'static str,
        /// The problem.
        what: String,
    },
}

fn failed(
    operation: &'static str,
) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> ProvisioningError {
    move |source| ProvisioningError::Call { operation, source }
}

/// Maps a failed condition to [`ProvisioningError::Conflict`].
fn conditional<T, E, R>(
    operation: &'static str,
    outcome: Result<T, SdkError<E, R>>,
) -> Result<(), ProvisioningError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match outcome {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
            Err(ProvisioningError::Conflict { operation })
        }
        Err(error) => Err(failed(operation)(Box::new(error))),
    }
}
