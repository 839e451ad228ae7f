use std::fmt;

use serde::{Deserialize, Serialize};

/// What a caller may do within its tenant. Each role includes the rights of the lower ones.
///
/// A role grants no access by itself: it never widens a [`TenantScope`](crate::TenantScope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, searches, renders and asks.
    Reader,
    /// Also changes documents and prompt templates.
    Writer,
    /// Also manages API keys.
    Admin,
}

impl Role {
    /// Every role, lowest first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Writer, Self::Admin];

    /// Returns the role with this name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Returns the name of the role.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_have_one_spelling() {
        assert!(Role::Reader < Role::Writer && Role::Writer < Role::Admin);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for refused in ["", "Reader", "ADMIN", " admin", "admin ", "owner", "reader,admin", "*"] {
            assert_eq!(Role::parse(refused), None, "{refused:?}");
        }
    }
}
