//! Names that a tenant chooses, or that come back from it. Checked so that none can
//! carry a separator into a derived name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The text does not fit the rule of its kind of name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {rule}")]
pub struct InvalidName {
    what: &'static str,
    rule: &'static str,
}

macro_rules! chosen {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and returns it as a name of this kind.
            ///
            /// # Errors
            /// [`InvalidName`], whose message states the rule.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&[u8]) -> bool = $check;
                if check(text.as_bytes()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { what: $what, rule: $rule })
                }
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

fn word(text: &[u8], longest: usize, also: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= longest
        && text.first().is_some_and(plain)
        && text.last().is_some_and(plain)
        && text.iter().all(|b| plain(b) || also.contains(b))
}

chosen!(
    /// A template's key, unique within its tenant.
    TemplateKey,
    "a template key",
    "1 to 64 characters from a-z, 0-9, `_` and `-`, beginning and ending with a letter or digit",
    |text| word(text, 64, b"_-")
);

chosen!(
    /// A document's id: a UUID in simple form, made by us.
    DocumentId,
    "a document id",
    "32 characters from 0-9 and a-f",
    |text| text.len() == 32 && text.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
);

chosen!(
    /// The id of an operator's run: a UUID in simple form, made by us.
    RunId,
    "a run id",
    "32 characters from 0-9 and a-f",
    |text| text.len() == 32 && text.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
);

chosen!(
    /// A set of documents embedded by one model, indexed together.
    ///
    /// At most 28 characters: with the prefix and the longest tenant id the index
    /// name stays within the 63 that S3 Vectors allows.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html>
    Corpus,
    "a corpus",
    "1 to 28 characters from a-z, 0-9 and `-`, beginning and ending with a letter or digit",
    |text| word(text, 28, b"-")
);
