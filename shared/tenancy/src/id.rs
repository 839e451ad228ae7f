use std::fmt;

use serde::{Deserialize, Serialize};

/// A tenant's identifier: `^[a-z0-9]{16,32}$`.
///
/// The alphabet holds no character that separates anything in a derived name
/// (`#`, `/`, `-`, `.`, `:`), and no pattern character of IAM, so one tenant's id
/// can never reach into another tenant's names. An id is only a label: it opens
/// nothing until an [`Admission`](crate::Admission) turns evidence into a scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// The text is not a tenant id.
///
/// The text itself is not part of the message: it may come from an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant id is 16 to 32 characters from a-z and 0-9")]
pub struct InvalidTenantId;

impl TenantId {
    /// Fewest characters of an id.
    pub const MIN_LENGTH: usize = 16;
    /// Most characters of an id.
    pub const MAX_LENGTH: usize = 32;

    /// Checks `text` and returns it as an id.
    ///
    /// # Errors
    /// [`InvalidTenantId`] for any other length or character.
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
