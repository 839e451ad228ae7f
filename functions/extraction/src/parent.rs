//! The parent process, which starts a child process for each document.

use std::path::Path;
use std::time::Duration;

use bulkhead_confinement::{Bounds, Outcome, Stop, run};
use bulkhead_documents::{ExtractedPage, READERS};
use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
use serde::{Deserialize, Serialize};

use crate::download::Downloads;
use crate::{ExtractionError, PARSE};

/// Maximum output of the child in bytes: the limit of a Lambda response.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_OUTPUT: u64 = 6_000_000;

/// What the child writes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChildAnswer {
    /// The passages of one page.
    Page(ExtractedPage),
    /// Why the document cannot be read.
    Unreadable(String),
}

/// Streams a document to a child process of `program` and returns its answer. Counts the document's `bytes`.
pub(crate) async fn read(
    program: &Path,
    downloads: &Downloads,
    request: &ExtractionRequest,
    deadline: Duration,
    bytes: &mut u64,
) -> Result<ExtractionAnswer, ExtractionError> {
    let mut download = downloads.start(&request.url).await?;
    let (options, first) = (crate::child::written(request.options), request.first.to_string());
    let arguments = [PARSE, &request.content_type, options, &first];
    let bounds = Bounds { deadline, output: MAX_OUTPUT };
    let outcome = run(program, arguments, download.parts(), bounds).await;
    *bytes = download.bytes;
    match outcome? {
        Outcome::Output(answer) => {
            match serde_json::from_slice(&answer).map_err(ExtractionError::NoAnswer)? {
                ChildAnswer::Page(page) => {
                    Ok(ExtractionAnswer::Page { sha256: download.sha256(), readers: READERS, page })
                }
                ChildAnswer::Unreadable(reason) => Ok(ExtractionAnswer::unreadable(reason)),
            }
        }
        Outcome::Stopped(stop) => Ok(ExtractionAnswer::unreadable(reason(stop).to_owned())),
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
