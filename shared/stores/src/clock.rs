use jiff::{Timestamp, TimestampRound, Unit};

/// Returns the present, to the millisecond: finer times are noise in stored records.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}
