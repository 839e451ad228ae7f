//! The process that reads one document.

use std::io::{Read, Write};
use std::process::ExitCode;

use bulkhead_documents::{DocumentError, Format, MAX_BYTES, passages};
use bulkhead_events::ExtractionAnswer;

use crate::{end, limits};

/// Reads one document of `content_type` from the standard input and writes an
/// [`ExtractionAnswer`] to the standard output, under limits that are in place before the first
/// byte is read.
pub fn child(content_type: &str) -> ExitCode {
    if limits::impose().is_err() {
        return ExitCode::from(end::UNLIMITED);
    }
    let answer = match read(content_type) {
        Ok(Ok(passages)) => ExtractionAnswer::Passages(passages),
        Ok(Err(error)) => ExtractionAnswer::Unreadable(error.to_string()),
        Err(_) => return ExitCode::from(end::BROKEN_PIPE),
    };
    let written = serde_json::to_vec(&answer)
        .map_err(std::io::Error::from)
        .and_then(|answer| std::io::stdout().write_all(&answer));
    ExitCode::from(if written.is_ok() { 0 } else { end::BROKEN_PIPE })
}

fn read(content_type: &str) -> std::io::Result<Result<Vec<String>, DocumentError>> {
    let mut bytes = Vec::new();
    // One more than can be read is enough to see that it is too much.
    std::io::stdin().lock().take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Format::from_content_type(content_type).and_then(|format| passages(&bytes, format)))
}
