use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use bulkhead_sealing::UnsealError;

/// Why a store did not do what was asked. Says which operation, never with what values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The state changed meanwhile, or is not the expected one.
    #[error("{operation}: conflicting change")]
    Conflict {
        /// The operation.
        operation: &'static str,
    },
    /// IAM or KMS refused. Either the deployment lacks a right or the code asked for
    /// another tenant's data: a fault of ours in both cases.
    #[error("{operation}: refused by IAM or KMS")]
    Denied {
        /// The operation.
        operation: &'static str,
        /// What the service said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service asks us to slow down.
    #[error("{operation}: throttled")]
    Throttled {
        /// The operation.
        operation: &'static str,
        /// What the service said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service could not be reached or failed, or a session could not be opened.
    #[error("{operation}: service unavailable")]
    Unavailable {
        /// The operation.
        operation: &'static str,
        /// What happened.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tenant's KMS key is disabled, being deleted or gone. Nothing of this tenant
    /// can be read or written until somebody enables it again.
    #[error("{operation}: the tenant's key cannot be used")]
    KeyUnusable {
        /// The operation.
        operation: &'static str,
        /// What the service said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service rejected the call.
    #[error("{operation}: rejected")]
    Rejected {
        /// The operation.
        operation: &'static str,
        /// What the service said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A sealed value did not open.
    #[error("{operation}: a sealed value does not open")]
    Seal {
        /// The operation.
        operation: &'static str,
        /// Why.
        #[source]
        source: UnsealError,
    },
    /// A stored value does not have the form we write.
    #[error("{operation}: a stored value is malformed: {what}")]
    Corrupt {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The tenant has no profile: it was never onboarded here, or is being erased.
    #[error("the tenant is not onboarded in this deployment")]
    NotOnboarded,
    /// The session's credentials belong to another tenant than the scope.
    #[error("a session of one tenant was used with the scope of another")]
    ForeignSession,
}

impl StoreError {
    pub(crate) fn corrupt(operation: &'static str, what: impl Into<String>) -> Self {
        Self::Corrupt { operation, what: what.into() }
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. } | Self::Conflict { .. })
    }

    /// Sorts the failure to open a session, which happens inside the first call.
    pub(crate) fn session(operation: &'static str, error: impl Error + Send + Sync + 'static) -> Self {
        let denied = crate::session::denied_by_sts(&error);
        let source = Box::new(error);
        if denied { Self::Denied { operation, source } } else { Self::Unavailable { operation, source } }
    }
}

/// Names the operation that failed and sorts the SDK's error by what a caller can do.
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
        "ConditionalCheckFailedException"
        | "TransactionCanceledException"
        | "TransactionConflictException" => StoreError::Conflict { operation },
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
        // The clock of one side is wrong, or a session ended while the call was on its way.
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        // Of two writes to one object that meet.
        | "ConditionalRequestConflict"
        | "ModelErrorException"
        | "ModelNotReadyException"
        | "ModelTimeoutException" => StoreError::Unavailable { operation, source: Box::new(error) },
        // KMS' own words, then S3's and S3 Vectors' for them.
        // https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
        "DisabledException"
        | "KMSInvalidStateException"
        | "KMS.DisabledException"
        | "KMS.KMSInvalidStateException"
        | "KMS.NotFoundException"
        | "KmsDisabledException"
        | "KmsInvalidStateException"
        | "KmsNotFoundException" => StoreError::KeyUnusable { operation, source: Box::new(error) },
        // Of a write that an earlier attempt of the SDK has begun.
        "TransactionInProgressException" => StoreError::Throttled { operation, source: Box::new(error) },
        // A 5xx in words that we do not know, or in none.
        _ if error.raw_response().is_some_and(|response| response.status().is_server_error()) => {
            StoreError::Unavailable { operation, source: Box::new(error) }
        }
        _ => StoreError::Rejected { operation, source: Box::new(error) },
    }
}
