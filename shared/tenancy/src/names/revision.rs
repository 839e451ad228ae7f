use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The number of one content of a document. New content gets the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(NonZeroU32);

impl Revision {
    /// The first content of a document.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Minimum digits of a revision in a name. The padding makes names sort by age.
    const DIGITS: usize = 8;

    /// Returns the revision with this number, or `None` for 0.
    pub fn of(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Returns the number, starting at 1.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// Returns the next revision.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the revision as part of a name, such as `00000001`.
    pub fn in_name(self) -> String {
        format!("{:0digits$}", self.0, digits = Self::DIGITS)
    }

    /// Parses the exact form that [`Revision::in_name`] writes. Rejects any other spelling.
    pub fn from_name(text: &str) -> Option<Self> {
        let found = text.parse().ok().map(Self)?;
        (found.in_name() == text).then_some(found)
    }
}
