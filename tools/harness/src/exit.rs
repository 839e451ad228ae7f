//! Lambda's messages for an exited process.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use bytes::Bytes;
use serde_json::json;

/// Returns the exit status in the wording of Lambda's supervisor.
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

/// Returns the error for the caller if the process exited without a response.
pub(crate) fn exit_error(request_id: &str, how: &str) -> Bytes {
    failure("Runtime.ExitError", &format!("RequestId: {request_id} Error: Runtime {how}"))
}

/// Returns the error for the caller if the function timed out.
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
    fn describes_exit_in_lambdas_wording() {
        let text = |raw| describe(ExitStatus::from_raw(raw));
        assert_eq!(text(0), "exited without providing a reason");
        assert_eq!(text(1 << 8), "exited with error: exit status 1");
        assert_eq!(text(9), "exited with error: signal: killed");
        assert_eq!(text(6), "exited with error: signal: aborted");
        // The core dump flag does not change the signal.
        assert_eq!(text(6 | 0x80), "exited with error: signal: aborted");
    }
}
