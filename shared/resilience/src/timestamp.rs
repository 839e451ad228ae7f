use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970, UTC.
///
/// Serialized as that number. Stored records and the API use [`rfc3339`] instead: text with
/// milliseconds, always with three digits, so that timestamps sort as text as they do in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// The largest difference between the clocks of two processes. A stored time that lies further ahead than any
/// process could have written is damage, and does not count.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The text is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp has the form 2026-01-31T09:30:00.000Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// Returns the timestamp `milliseconds` after 1970 began.
    pub fn from_milliseconds(milliseconds: u64) -> Self {
        Self(i64::try_from(milliseconds).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// Returns the milliseconds since 1970, rounded down.
    pub fn as_milliseconds(self) -> u64 {
        u64::try_from(self.0.div_euclid(1_000)).unwrap_or(0)
    }

    /// Returns the seconds since 1970, rounded down, as DynamoDB's time to live counts them.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the timestamp rounded up to a millisecond: never earlier than this one.
    #[must_use]
    pub fn ceil_to_millisecond(self) -> Self {
        Self(self.0.saturating_add(999).div_euclid(1_000).saturating_mul(1_000))
    }

    /// Returns the timestamp `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        self.plus(microseconds(duration))
    }

    /// Returns the time from `earlier` to this timestamp; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        let microseconds = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    }

    pub(crate) fn plus(self, microseconds: i64) -> Self {
        Self(self.0.saturating_add(microseconds))
    }
}

pub(crate) fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millisecond = self.0.div_euclid(1_000);
        let timestamp = jiff::Timestamp::from_millisecond(millisecond).map_err(|_| fmt::Error)?;
        write!(f, "{timestamp:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        Ok(Self(timestamp.as_microsecond()))
    }
}

/// Serializes a [`Timestamp`] as RFC 3339 text, for `#[serde(with = "rfc3339")]`.
pub mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Timestamp;

    /// Writes `timestamp` as text.
    ///
    /// # Errors
    /// The error of the serializer.
    pub fn serialize<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(timestamp)
    }

    /// Reads a timestamp from text.
    ///
    /// # Errors
    /// The error of the deserializer, also if the text is not a timestamp.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }

    /// Serializes an optional [`Timestamp`], for `#[serde(with = "rfc3339::option")]`.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        use super::Timestamp;

        /// Writes `timestamp` as text or as null.
        ///
        /// # Errors
        /// The error of the serializer.
        pub fn serialize<S: Serializer>(
            timestamp: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match timestamp {
                Some(timestamp) => serializer.collect_str(timestamp),
                None => serializer.serialize_none(),
            }
        }

        /// Reads a timestamp from text or null.
        ///
        /// # Errors
        /// The error of the deserializer, also if the text is not a timestamp.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The years 1970 to 9999, in milliseconds.
    const LAST: u64 = 253_402_207_200_000;

    #[test]
    fn text_always_has_three_digits_of_the_second() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_480_487_300, "2026-11-24T00:34:47.300Z"),
            (1_795_480_487_369, "2026-11-24T00:34:47.369Z"),
        ] {
            assert_eq!(Timestamp::from_milliseconds(milliseconds).to_string(), text);
        }
    }

    #[test]
    fn rounding_up_is_never_earlier() {
        for (microseconds, rounded) in [(0, 0), (1, 1_000), (1_000, 1_000), (1_001, 2_000)] {
            assert_eq!(Timestamp(microseconds).ceil_to_millisecond(), Timestamp(rounded));
        }
    }

    proptest! {
        #[test]
        fn timestamps_sort_as_text_and_survive_a_round_trip(a in 0..LAST, b in 0..LAST, near in 0..1_000_u64) {
            for other in [b, (a + near).min(LAST)] {
                let (one, two) = (Timestamp::from_milliseconds(a), Timestamp::from_milliseconds(other));
                prop_assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
            }
            let timestamp = Timestamp::from_milliseconds(a);
            prop_assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
        }
    }
}
