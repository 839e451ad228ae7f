//! How a process ended, in Lambda's words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use bytes::Bytes;
use serde_json::json;

/// Lambda reports a runtime's end as its supervisor prints it.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "exited without providing a reason".to_owned(),
        (Some(code), _) => format!("exited with error: exit status {code}"),
        (None, signal) => format!("exited with error: signal: {}", signal_name(signal.unwrap_or(0))),
    }
}

fn signal_name(signal: i32) -> String {
    match signal {
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// What the caller of a function is told when its process ended instead of answering.
pub(crate) fn exit_error(request_id: &str, how: &str) -> Bytes {
    failure("Runtime.ExitError", &format!("RequestId: {request_id} Error: Runtime {how}"))
}

/// What the caller is told when the function took too long.
pub(crate) fn timed_out(request_id: &str, seconds: f64) -> Bytes {
    failure(
        "Sandbox.Timedout",
        &format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
    )
}

pub(crate) fn failure(kind: &str, message: &str) -> Bytes {
    json!({"errorType": kind, "errorMessage": message}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_lambdas_words() {
        let told = |raw| describe(ExitStatus::from_raw(raw));
        assert_eq!(told(0), "exited without providing a reason");
        assert_eq!(told(1 << 8), "exited with error: exit status 1");
        assert_eq!(told(9), "exited with error: signal: killed");
        assert_eq!(told(6), "exited with error: signal: aborted");
        // With a core dump it is the same signal.
        assert_eq!(told(6 | 0x80), "exited with error: signal: aborted");
    }
}
