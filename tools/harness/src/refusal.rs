//! Errors of the Invoke API.

use http::{Response, StatusCode};
use serde_json::json;

use crate::body::{ResponseBody, whole};

/// Errors of `Invoke`, with Lambda's own messages where they are known.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    TenantMissing,
    TenantUnexpected,
    TenantMalformed,
    UnknownFunction(String),
    NotJson,
    TooLarge,
    /// The harness supports only `RequestResponse`.
    InvocationType(String),
    /// The reserved concurrency is in use.
    Concurrency,
    /// The limit of environments is reached, idle ones included.
    Environments,
    /// Harness only: the call cannot be misrouted.
    Misroute(&'static str),
    /// Harness only: the process did not start.
    Start(String),
    NoSuchRoute,
}

impl Refusal {
    fn parts(&self) -> (u16, &'static str, String) {
        match self {
            Self::TenantMissing => (
                400,
                "InvalidParameterValueException",
                "The invoked function is enabled with tenancy configuration. \
                 Add a valid tenant ID in your request and try again."
                    .to_owned(),
            ),
            Self::TenantUnexpected => (
                400,
                "InvalidParameterValueException",
                "The invoked function is not enabled with tenancy configuration. \
                 Remove the tenant ID from your request and try again."
                    .to_owned(),
            ),
            Self::TenantMalformed => (
                400,
                "InvalidParameterValueException",
                "'tenantId' must satisfy [a-zA-Z0-9\\._:\\/=+\\-@ ]+ and have length between 1 and 256"
                    .to_owned(),
            ),
            Self::UnknownFunction(arn) => {
                (404, "ResourceNotFoundException", format!("Function not found: {arn}"))
            }
            Self::NotJson => {
                (400, "InvalidRequestContentException", "Could not parse request body into json".to_owned())
            }
            Self::TooLarge => (
                413,
                "RequestTooLargeException",
                "Request must be smaller than 6291456 bytes for the InvokeFunction operation".to_owned(),
            ),
            Self::InvocationType(kind) => (
                400,
                "InvalidParameterValueException",
                format!("the harness does not support the invocation type `{kind}`"),
            ),
            Self::Concurrency => (429, "TooManyRequestsException", "Rate Exceeded.".to_owned()),
            Self::Environments => (429, "TooManyRequestsException", "Rate exceeded".to_owned()),
            Self::Misroute(why) => (409, "HarnessMisroute", (*why).to_owned()),
            Self::Start(why) => (502, "HarnessStart", format!("the environment did not start: {why}")),
            Self::NoSuchRoute => (404, "HarnessRoute", "the route does not exist".to_owned()),
        }
    }

    pub(crate) fn response(&self) -> Response<ResponseBody> {
        let (status, kind, message) = self.parts();
        let mut body = json!({"Type": "User", "message": message});
        if let (Self::Concurrency, Some(fields)) = (self, body.as_object_mut()) {
            fields.insert("Reason".to_owned(), "ReservedFunctionConcurrentInvocationLimitExceeded".into());
        }
        let mut response = Response::new(whole(body.to_string()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in [("x-amzn-errortype", kind), ("content-type", "application/json")] {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        response
    }
}
