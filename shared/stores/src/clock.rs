use bulkhead_resilience::Timestamp;

/// Returns the current time of the system clock, in microseconds.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}
