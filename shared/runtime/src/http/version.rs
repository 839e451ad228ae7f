//! Which version of a prompt template a request selects.

use bulkhead_stores::VersionSelector;
use bulkhead_tenancy::names::Label;

use super::ApiError;

/// Returns the version of a prompt template that the fields `version` and `label` select.
///
/// # Errors
/// 400 for version 0. 422 for both at once, because a schema cannot exclude it.
pub fn version_selector(version: Option<u32>, label: Option<Label>) -> Result<VersionSelector, ApiError> {
    match (version, label) {
        (Some(0), _) => Err(ApiError::BadRequest("`version` must be a whole number from 1".to_owned())),
        (Some(_), Some(_)) => {
            Err(ApiError::Unprocessable("`version` and `label`: send only one of them".to_owned()))
        }
        (Some(version), None) => Ok(VersionSelector::Number(version)),
        (None, Some(label)) => Ok(VersionSelector::Label(label)),
        (None, None) => Ok(VersionSelector::Latest),
    }
}
