use std::error::Error;

use aws_sdk_bedrockruntime::operation::converse::ConverseError;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamError;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::endpoint;
use bulkhead_sealing::UnsealError;

/// Why a call of this crate failed. Names the operation, never its values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The stored state is not the expected one: another process changed it.
    #[error("{operation}: conflicting change")]
    Conflict {
        /// The operation.
        operation: &'static str,
    },
    /// IAM or KMS refused the call. Either a role lacks a right, or the code asked for another tenant's
    /// data. Both are faults of the service, not of the tenant.
    #[error("{operation}: refused by IAM or KMS")]
    Denied {
        /// The operation.
        operation: &'static str,
        /// The service's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// AWS throttled the call.
    #[error("{operation}: throttled")]
    Throttled {
        /// The operation.
        operation: &'static str,
        /// The service's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The AWS service failed or was unreachable, or the session could not be opened.
    #[error("{operation}: service unavailable")]
    Unavailable {
        /// The operation.
        operation: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tenant's KMS key is disabled, scheduled for deletion or deleted. No data of this tenant can be
    /// read or written until an operator enables the key.
    #[error("{operation}: the tenant's key cannot be used")]
    KeyUnusable {
        /// The operation.
        operation: &'static str,
        /// The service's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The AWS service rejected the call.
    #[error("{operation}: rejected")]
    Rejected {
        /// The operation.
        operation: &'static str,
        /// The service's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A model does not accept the tenant's input, for example because it is too long. Not a fault of the service.
    #[error("{operation}: the model does not accept the input")]
    InputRefused {
        /// The operation.
        operation: &'static str,
        /// Whether the input is too long.
        too_long: bool,
        /// The service's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A sealed value does not open.
    #[error("{operation}: a sealed value does not open")]
    Seal {
        /// The operation.
        operation: &'static str,
        /// The cause.
        #[source]
        source: UnsealError,
    },
    /// A stored value is malformed.
    #[error("{operation}: a stored value is malformed: {what}")]
    Corrupt {
        /// The operation.
        operation: &'static str,
        /// The defect.
        what: String,
    },
    /// The tenant has no profile: it is not onboarded in this deployment, or its erasure is in progress.
    #[error("the tenant is not onboarded in this deployment")]
    NotOnboarded,
    /// The clients belong to one tenant and the scope to another.
    #[error("a session of one tenant was used with the scope of another")]
    ForeignSession,
}

impl StoreError {
    /// Returns the error for stored data that breaks a rule of its form.
    pub fn corrupt(operation: &'static str, what: impl Into<String>) -> Self {
        Self::Corrupt { operation, what: what.into() }
    }

    /// Returns whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. } | Self::Conflict { .. })
    }

    /// Returns whether a model may have worked although its call failed, so that AWS may bill the call.
    pub fn may_be_billed(&self) -> bool {
        match self {
            Self::Unavailable { source, .. } => !model_did_not_work(source.as_ref()),
            // The model answered.
            Self::Corrupt { .. } => true,
            _ => false,
        }
    }

    /// Classifies the failure to open a session, which happens inside the first call.
    pub(crate) fn session(operation: &'static str, error: impl Error + Send + Sync + 'static) -> Self {
        let denied = denied_by_sts(&error);
        let source = Box::new(error);
        if denied { Self::Denied { operation, source } } else { Self::Unavailable { operation, source } }
    }
}

/// Returns whether a model refused a call before it worked.
fn model_did_not_work(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    fn refused<E: ProvideErrorMetadata + Error + 'static>(
        error: &(dyn Error + Send + Sync + 'static),
    ) -> bool {
        match error.downcast_ref::<SdkError<E, HttpResponse>>() {
            Some(SdkError::ConstructionFailure(_)) => true,
            Some(SdkError::ServiceError(service)) => matches!(
                service.err().code(),
                Some("ServiceUnavailable" | "ServiceUnavailableException" | "ModelNotReadyException")
            ),
            _ => false,
        }
    }
    refused::<ConverseError>(error)
        || refused::<ConverseStreamError>(error)
        || refused::<InvokeModelError>(error)
        || endpoint::did_not_work(error)
}

/// STS refused to open a tenant's session. A retry does not change that.
#[derive(Debug, thiserror::Error)]
#[error("STS refused the tenant's session")]
pub(crate) struct DeniedBySts {
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl DeniedBySts {
    pub(crate) fn because(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

/// Returns whether STS refused a tenant's session, as the error or one of its causes.
pub(crate) fn denied_by_sts(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<DeniedBySts>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Names the operation that failed, and classifies the SDK's error by what a caller can do.
pub(crate) trait Classify<T> {
    fn during(self, operation: &'static str) -> Result<T, StoreError>;
}

impl<T, E> Classify<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn during(self, operation: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| classify(operation, error))
    }
}

fn classify<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let code = match &error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or_default().to_owned(),
        _ => return StoreError::session(operation, error),
    };
    match code.as_str() {
        "ConditionalCheckFailedException" | "TransactionCanceledException" => StoreError::Conflict { operation },
        "AccessDenied" | "AccessDeniedException" | "KMS.AccessDeniedException" | "403" => {
            StoreError::Denied { operation, source: Box::new(error) }
        }
        "ThrottlingException"
        | "Throttling"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "TooManyRequestsException" => StoreError::Throttled { operation, source: Box::new(error) },
        "InternalServerError"
        | "InternalServerException"
        | "InternalError"
        | "InternalFailure"
        | "KMSInternalException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        // One clock is wrong, or the session ended while the call was in flight.
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        // Two writes to one object at the same time.
        | "ConditionalRequestConflict"
        | "ModelErrorException"
        | "ModelNotReadyException"
        | "ModelTimeoutException" => StoreError::Unavailable { operation, source: Box::new(error) },
        // The codes of KMS, then those of S3 and S3 Vectors.
        // https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
        "DisabledException"
        | "KMSInvalidStateException"
        | "KMS.DisabledException"
        | "KMS.KMSInvalidStateException"
        | "KMS.NotFoundException"
        | "KmsDisabledException"
        | "KmsInvalidStateException"
        | "KmsNotFoundException" => StoreError::KeyUnusable { operation, source: Box::new(error) },
        // A transaction with this item, or an earlier attempt of the SDK, is still in progress. It says nothing
        // about a condition.
        "TransactionConflictException" | "TransactionInProgressException" => StoreError::Throttled { operation, source: Box::new(error) },
        // A 5xx with an unknown code or without one.
        _ if error.raw_response().is_some_and(|response| response.status().is_server_error()) => {
            StoreError::Unavailable { operation, source: Box::new(error) }
        }
        _ => StoreError::Rejected { operation, source: Box::new(error) },
    }
}
