use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment, UTC, to the millisecond: finer times are noise in stored records.
///
/// Written as RFC 3339 with all three digits of the fraction, so that moments sort as
/// text as they do in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment {
    milliseconds: i64,
}

/// The text is not a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written as 2026-01-31T09:30:00.000Z")]
pub struct InvalidMoment;

impl Moment {
    /// Returns the present.
    pub fn now() -> Self {
        Self { milliseconds: Timestamp::now().as_millisecond() }
    }

    /// Returns the moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self { milliseconds: self.milliseconds.saturating_add(milliseconds) }
    }

    /// Returns the moment that many milliseconds after 1970 began.
    pub fn from_millisecond(milliseconds: u64) -> Self {
        Self { milliseconds: i64::try_from(milliseconds).unwrap_or(i64::MAX) }
    }

    /// Returns the milliseconds since 1970.
    pub fn as_millisecond(self) -> u64 {
        u64::try_from(self.milliseconds).unwrap_or(0)
    }

    /// Returns the seconds since 1970, as DynamoDB's time to live counts them.
    pub fn as_second(self) -> i64 {
        self.milliseconds.div_euclid(1_000)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = Timestamp::from_millisecond(self.milliseconds).map_err(|_| fmt::Error)?;
        write!(f, "{moment:.3}")
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        let moment: Timestamp = text.parse().map_err(|_| InvalidMoment)?;
        Ok(Self { milliseconds: moment.as_millisecond() })
    }
}

impl TryFrom<String> for Moment {
    type Error = InvalidMoment;

    fn try_from(text: String) -> Result<Self, InvalidMoment> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The years 1970 to 9999, in milliseconds.
    const LAST: i64 = 253_402_207_200_000;

    #[test]
    fn the_fraction_always_has_three_digits() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_480_487_300, "2026-11-24T00:34:47.300Z"),
            (1_795_480_487_369, "2026-11-24T00:34:47.369Z"),
        ] {
            assert_eq!(Moment { milliseconds }.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn moments_sort_as_text_and_come_back(a in 0..LAST, b in 0..LAST, near in 0..1_000_i64) {
            for other in [b, (a + near).min(LAST)] {
                let (one, two) = (Moment { milliseconds: a }, Moment { milliseconds: other });
                prop_assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
            }
            let moment = Moment { milliseconds: a };
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }
    }
}
