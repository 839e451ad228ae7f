use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Which content of a document: the first one, the one that replaced it, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(NonZeroU32);

impl Revision {
    /// The content that a document begins with.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Digits of a revision in a name: those of one document sort by age.
    const DIGITS: usize = 8;

    /// Returns the revision of that number, from 1.
    pub fn of(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Returns its number, from 1.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// Returns the one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the revision as a part of a name.
    pub fn in_name(self) -> String {
        format!("{:0digits$}", self.0, digits = Self::DIGITS)
    }

    /// Reads a revision as [`Revision::in_name`] writes it, and no other way.
    pub fn from_name(text: &str) -> Option<Self> {
        let digits = text.len() >= Self::DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        let found = digits.then(|| text.parse().ok().map(Self)).flatten()?;
        (found.in_name() == text).then_some(found)
    }
}
