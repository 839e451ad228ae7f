#![doc = include_str!("../README.md")]

mod indexes;
mod keys;
mod registry;
mod runs;
mod usage;

pub use indexes::{Indexes, NewIndex};
pub use keys::{KeyUsers, Keys};
pub use registry::{KeyKind, NewTenant, Registry, TenantRecord, TenantStatus};
pub use runs::{RunRecord, Runs};
pub use usage::UsagePlan;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why the control plane did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// The tenant exists already, or is not in the expected state.
    #[error("{operation}: the tenant is not in the expected state")]
    Conflict {
        /// The operation.
        operation: &'static str,
    },
    /// AWS refused or failed.
    #[error("{operation}: the call to AWS failed")]
    Call {
        /// The operation.
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored record does not have the form we write.
    #[error("{operation}: a stored record is malformed: {what}")]
    Corrupt {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

fn failed(
    operation: &'static str,
) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> ProvisioningError {
    move |source| ProvisioningError::Call { operation, source }
}

/// Tells a condition that did not hold from a failure.
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
