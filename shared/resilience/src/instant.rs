use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    pub(crate) fn after(self, microseconds: i64) -> Self {
        Self(self.0.saturating_add(microseconds))
    }

    /// Returns the time from `earlier` to this, or none where it lies later.
    pub fn since(self, earlier: Self) -> Duration {
        let microseconds = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    }
}

pub(crate) fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
