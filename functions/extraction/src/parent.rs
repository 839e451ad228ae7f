//! The parent process, which starts a child process for each document.

use std::path::Path;
use std::time::Duration;

use bulkhead_confinement::{Bounds, Outcome, Stop, run};
use bulkhead_events::ExtractionAnswer;

use crate::{ExtractionError, PARSE};

/// Maximum output of the child in bytes: the limit of a Lambda response.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_OUTPUT: u64 = 6_000_000;

/// Runs `program` to parse a document.
pub async fn read(
    program: &Path,
    content_type: &str,
    content: &[u8],
    deadline: Duration,
) -> Result<ExtractionAnswer, ExtractionError> {
    let bounds = Bounds { deadline, output: MAX_OUTPUT };
    match run(program, [PARSE, content_type], content, bounds).await? {
        Outcome::Output(answer) => serde_json::from_slice(&answer).map_err(ExtractionError::NoAnswer),
        Outcome::Stopped(stop) => Ok(ExtractionAnswer::Unreadable(reason(stop).to_owned())),
    }
}

/// Returns the message for the owner of a document whose child process did not succeed.
fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Time => "reading the document takes too long",
        Stop::Memory => "reading the document takes too much memory, or the document is broken",
        Stop::Output => "the document has more text than can be read at once; split it",
        Stop::SystemCall => "reading the document attempted a forbidden operation; the document is broken",
    }
}
