//! The error answers of the API, as the OpenAPI document names them.
//!
//! Each is a [`Problem`]. An operation lists the errors of its input; those of every operation
//! ([`EVERYWHERE`]) are added when the document is generated.

use utoipa::ToResponse;

use super::Problem;

/// The status and the name of each error answer that any operation can return.
pub const EVERYWHERE: [(&str, &str); 6] = [
    ("401", "Unauthorized"),
    ("403", "Forbidden"),
    ("429", "TooManyRequests"),
    ("500", "InternalError"),
    ("503", "Unavailable"),
    ("504", "Timeout"),
];

macro_rules! answers {
    ($($name:ident, $description:literal $(, $header:literal = $type:ty, $meaning:literal)?;)+) => {$(
        #[doc = $description]
        #[derive(Debug, ToResponse)]
        #[response(
            description = $description,
            content_type = "application/problem+json",
            $(headers(($header = $type, description = $meaning)))?
        )]
        #[expect(dead_code, reason = "only its attributes are read")]
        pub struct $name(Problem);
    )+};
}

answers! {
    BadRequest, "A parameter or the body is malformed. `detail` names the field.";
    Unauthorized, "The token is missing, malformed, expired or not from an accepted issuer.",
        "WWW-Authenticate" = String, "The scheme to use: `Bearer`";
    Forbidden, "This deployment does not serve the tenant of the token, or does not serve it now.";
    NotFound, "The tenant has no such item. An item of another tenant gets the same answer.";
    Conflict, "The item changed at the same time, or its state does not allow the request.";
    TooLarge, "The body is too large.";
    UnsupportedMediaType, "The body is not plain JSON in UTF-8.";
    Unprocessable, "The request is well formed, but cannot be processed. `detail` says why.";
    TooManyRequests, "The tenant's quota is used.",
        "Retry-After" = u32, "Seconds to wait before the next attempt";
    InternalError, "A fault of the service. Report the `request_id` if it persists.";
    Unavailable, "The service or the tenant's key is temporarily unavailable.",
        "Retry-After" = u32, "Seconds to wait before the next attempt";
    Timeout, "The service did not answer in time. It is unknown whether the request took effect.",
        "Retry-After" = u32, "Seconds to wait before the next attempt";
}
