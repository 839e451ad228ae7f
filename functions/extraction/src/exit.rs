//! How the child process can exit, and what each exit means for its document.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::ExtractionError;

/// Exit status if the child could not limit itself.
pub const LIMITS_FAILED: u8 = 70;
/// Exit status if a pipe broke.
pub const BROKEN_PIPE: u8 = 74;

/// Messages for the owner of a document whose child process did not succeed.
pub mod reason {
    /// A time limit ended the child.
    pub const TIME: &str = "reading the document takes too long";
    /// Memory limit, stack overflow or panic. The parent cannot tell them apart.
    pub const MEMORY: &str = "reading the document takes too much memory, or the document is broken";
    /// The output is longer than any valid answer.
    pub const LENGTH: &str = "the document has more text than can be read at once; split it";
}

/// Returns `None` if the child succeeded, or why its document is unreadable.
///
/// # Errors
/// [`ExtractionError`] if the document is not the cause.
pub fn classify(status: ExitStatus) -> Result<Option<&'static str>, ExtractionError> {
    if status.success() {
        return Ok(None);
    }
    match (status.signal(), status.code()) {
        (Some(signal), _) if signal == Signal::XCPU.as_raw() => Ok(Some(reason::TIME)),
        (_, Some(code)) if code == i32::from(LIMITS_FAILED) => Err(ExtractionError::LimitsFailed),
        (_, Some(code)) if code == i32::from(BROKEN_PIPE) => {
            Err(ExtractionError::Process(std::io::ErrorKind::BrokenPipe.into()))
        }
        // Abort, segmentation fault or kill; or a panic in a build that unwinds.
        _ => Ok(Some(reason::MEMORY)),
    }
}
