use bulkhead_resilience::Timestamp;

/// Returns the current time in whole milliseconds, rounded down.
///
/// Records store milliseconds. So a record that is read again equals the one that was written.
pub fn now() -> Timestamp {
    Timestamp::from_milliseconds(now_in_microseconds().as_milliseconds())
}

/// Returns the current time in microseconds, for quotas, rates and the circuit.
pub(crate) fn now_in_microseconds() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_equals_its_stored_text() {
        for _ in 0..1_000 {
            let now = now();
            assert_eq!(now.to_string().parse(), Ok(now));
        }
    }
}
