//! Checks the fields of requests.

use bulkhead_documents::{Format, MAX_BYTES};
use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{DocumentStatus, Metadata, MetadataPatch};

use crate::model::Fields;

/// Maximum length of a title in characters.
const MAX_TITLE: usize = 200;
/// Maximum length of a content type with its parameters, in characters.
pub(crate) const MAX_CONTENT_TYPE: usize = 200;

/// Parses a status that a client can see.
pub(crate) fn shown_status(text: &str) -> Result<DocumentStatus, String> {
    let found = DocumentStatus::SHOWN.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| {
        format!("must be one of `{}`", DocumentStatus::SHOWN.map(DocumentStatus::as_str).join("`, `"))
    })
}

/// Checks and trims a title.
pub(crate) fn title(text: &str) -> Result<String, ApiError> {
    let title = text.trim();
    if title.is_empty() || text.chars().count() > MAX_TITLE || text.chars().any(char::is_control) {
        return Err(ApiError::BadRequest(format!(
            "`title` must have 1 to {MAX_TITLE} characters and no control characters"
        )));
    }
    Ok(title.to_owned())
}

/// Checks metadata.
pub(crate) fn metadata(given: Fields) -> Result<Metadata, ApiError> {
    Metadata::parse(given).map_err(|error| ApiError::Unprocessable(error.to_string()))
}

/// Checks a merge patch of metadata.
pub(crate) fn metadata_patch(given: Option<Fields>) -> Result<MetadataPatch, ApiError> {
    MetadataPatch::parse(given).map_err(|error| ApiError::Unprocessable(error.to_string()))
}

/// Returns the format of a supported content type.
pub(crate) fn format(content_type: &str) -> Result<Format, ApiError> {
    let found = Format::from_content_type(content_type).ok();
    found.filter(|_| content_type.chars().count() <= MAX_CONTENT_TYPE).ok_or_else(unsupported)
}

/// Returns a supported content type with its `charset`.
pub(crate) fn declared(content_type: &str) -> Result<String, ApiError> {
    format(content_type)?;
    Format::declared(content_type).map_err(|_| unsupported())
}

fn unsupported() -> ApiError {
    ApiError::BadRequest(format!("`content_type` must be one of {}", Format::content_types()))
}

/// Returns the format of a content type that is allowed inline.
pub(crate) fn text_format(content_type: &str) -> Result<Format, ApiError> {
    let format = format(content_type)?;
    if format.is_text() {
        return Ok(format);
    }
    Err(ApiError::BadRequest(
        "`content_type` must be a text type; upload other documents with `POST /v1/documents/uploads`"
            .to_owned(),
    ))
}

/// Checks the size of an upload in bytes.
pub(crate) fn upload_size(bytes: u64) -> Result<u64, ApiError> {
    if (1..=MAX_BYTES as u64).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(ApiError::BadRequest(format!("`bytes` must be 1 to {MAX_BYTES}")))
    }
}
