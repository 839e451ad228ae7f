//! The child process that parses one document.

use std::io::{Read, Write};
use std::process::ExitCode;

use bulkhead_documents::{DocumentError, Format, MAX_BYTES, passages};
use bulkhead_events::ExtractionAnswer;

use crate::{exit, limits};

/// Parses one document of `content_type` from standard input and writes an
/// [`ExtractionAnswer`] to standard output. Applies the limits before it reads the first byte.
pub fn child(content_type: &str) -> ExitCode {
    if limits::apply().is_err() {
        return ExitCode::from(exit::LIMITS_FAILED);
    }
    let answer = match read(content_type) {
        Ok(Ok(passages)) => ExtractionAnswer::Passages(passages),
        Ok(Err(error)) => ExtractionAnswer::Unreadable(error.to_string()),
        Err(_) => return ExitCode::from(exit::BROKEN_PIPE),
    };
    let written = serde_json::to_vec(&answer)
        .map_err(std::io::Error::from)
        .and_then(|answer| std::io::stdout().write_all(&answer));
    ExitCode::from(if written.is_ok() { 0 } else { exit::BROKEN_PIPE })
}

fn read(content_type: &str) -> std::io::Result<Result<Vec<String>, DocumentError>> {
    let mut bytes = Vec::new();
    // One byte over the maximum shows that the document is too large.
    std::io::stdin().lock().take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Format::from_content_type(content_type).and_then(|format| passages(&bytes, format)))
}
