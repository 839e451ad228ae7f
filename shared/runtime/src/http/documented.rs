//! Error answers and texts of the API, as the OpenAPI document names them.
//!
//! Each error answer is a [`Problem`]. An operation lists the errors of its input; those of every operation
//! ([`EVERYWHERE`]) are added when the document is generated.

use std::ops::Range;

use serde::Serialize;
use utoipa::{ToResponse, ToSchema};

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
    Unauthorized, "The token or API key is missing, malformed, expired, deleted or not of this deployment.",
        "WWW-Authenticate" = String, "The scheme to use: `Bearer`";
    Forbidden, "This deployment does not serve the tenant of the token, or does not serve it now; or the caller's role is too low.";
    NotFound, "The tenant has no such item. An item of another tenant gets the same answer.";
    Conflict, "The item changed at the same time, its state does not allow the request, or a request with the same \
        `Idempotency-Key` is in progress.",
        "Retry-After" = u32, "Seconds to wait, if a request with the same `Idempotency-Key` is in progress";
    PreconditionRequired, "The request must name the state that it changes: send `If-Match` or `If-None-Match`.";
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

macro_rules! texts {
    ($($name:ident as $shown:ident, $description:literal, $pattern:literal, $example:literal;)+) => {$(
        #[doc = $description]
        #[derive(Debug, ToSchema)]
        #[schema(as = $shown, pattern = $pattern, max_length = 200, example = $example)]
        #[expect(dead_code, reason = "only its attributes are read")]
        pub struct $name(String);
    )+};
}

// A test compares the patterns with what the names of `bulkhead_tenancy` accept.
texts! {
    DocumentIdText as DocumentId, "Id of a document.",
        "^[0-9a-f]{32}$", "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
    ExternalIdText as ExternalId, "Id of a document in the tenant's own system, unique within the tenant.",
        "^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$", "handbook:7";
    InferenceIdText as InferenceId, "Id of an inference.",
        "^[0-9a-f]{32}$", "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
    WordText as Word, "1 to 64 letters, digits, `_` and `-`.",
        "^[A-Za-z0-9_-]{1,64}$", "find_ferry";
    TemplateKeyText as TemplateKey, "Key of a prompt template, unique within the tenant.",
        "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$", "default_summary";
    LabelText as Label, "Label of a prompt template. `latest` is reserved.",
        "^[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?$", "production";
    ApiKeyIdText as ApiKeyId, "Id of an API key. No secret.",
        "^[0-9a-f]{16}$", "0123456789abcdef";
    RoleText as Role, "What a caller may do within its tenant. Each role includes the rights of the lower ones.",
        "^(reader|writer|admin)$", "writer";
    ETagText as ETag, "A strong entity tag.",
        "^\"[0-9a-z]{1,32}\"$", "\"5d41402abc4b2a76b9719d911017c592\"";
    TitleText as Title, "Title of a document, without control characters.",
        r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", "Opening hours";
}

/// A key of one request, chosen by the caller. Quotes around it do not count.
#[derive(Debug, ToSchema)]
#[schema(
    as = IdempotencyKey,
    pattern = r#"^("[!#-\[\]-~]{1,255}"|[!#-\[\]-~]{1,255})$"#,
    max_length = 257,
    example = "8e03978e-40d5-43e8-bc93-6894a57f9324"
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub struct IdempotencyKeyText(String);

/// Characters of a document's text, as Unicode scalar values, from 0.
///
/// The text has the document's blocks in reading order: headings, paragraphs, entries of lists, rows of tables. An empty
/// line separates blocks. A line end separates entries of lists and rows of tables that follow each other. The header of
/// a table is a line before its first row. The text of `text/plain` is the file itself. Each line end is one character;
/// other control characters and invisible marks are left out.
///
/// Neighbouring passages may overlap. The range includes the headings right before the passage. It does not include a
/// first line or a table's header that the passage only repeats.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TextRange {
    /// The first character of the passage.
    pub start: u32,
    /// The first character after the passage.
    pub end: u32,
}

impl From<Range<u32>> for TextRange {
    fn from(Range { start, end }: Range<u32>) -> Self {
        Self { start, end }
    }
}
