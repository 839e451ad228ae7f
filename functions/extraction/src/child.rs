//! The child process that parses one document.

use std::io;
use std::process::ExitCode;

use bulkhead_confinement::{Limits, answer};
use bulkhead_documents::{MAX_BYTES, Options, extract};
use bulkhead_events::ExtractionAnswer;

/// The limits of the child. The function has twice as much memory: the parent holds the document and its passages as
/// well, and the kernel must stop the child before Lambda stops the environment. The stack is the Linux default.
const LIMITS: Limits = Limits { memory: 512 * 1024 * 1024, processor: 20, stack: 8 * 1024 * 1024 };

/// Parses one document of `content_type` from standard input and writes an [`ExtractionAnswer`] to standard output.
/// Enters the confinement before it reads the first byte.
pub fn child(content_type: &str) -> ExitCode {
    // One byte over the maximum shows that the document is too large.
    answer(&LIMITS, MAX_BYTES as u64 + 1, |bytes| {
        let answer = match extract(&bytes, content_type, Options::default()) {
            Ok(document) => ExtractionAnswer::Document(document),
            Err(error) => ExtractionAnswer::Unreadable(error.to_string()),
        };
        serde_json::to_vec(&answer).map_err(io::Error::from)
    })
}
