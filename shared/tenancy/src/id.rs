use std::fmt;

use serde::{Deserialize, Serialize};

/// A tenant's identifier: `^[a-z0-9]{16,32}$`.
///
/// The alphabet has no separator of a derived name (`#`, `/`, `-`, `.`, `:`) and no IAM
/// wildcard, so an id never matches another tenant's names. An id is only a label: it
/// grants no access until an [`Admission`](crate::Admission) returns a scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// The text is not a tenant id.
///
/// The message leaves the text out because it may come from an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant id is 16 to 32 characters from a-z and 0-9")]
pub struct InvalidTenantId;

impl TenantId {
    /// Minimum length in characters.
    pub const MIN_LENGTH: usize = 16;
    /// Maximum length in characters.
    pub const MAX_LENGTH: usize = 32;

    /// Parses `text` as an id. Fails on any other length or character.
    pub fn parse(text: &str) -> Result<Self, InvalidTenantId> {
        let length_fits = (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&text.len());
        let alphabet_fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if length_fits && alphabet_fits { Ok(Self(text.to_owned())) } else { Err(InvalidTenantId) }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(text: String) -> Result<Self, InvalidTenantId> {
        Self::parse(&text)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}
