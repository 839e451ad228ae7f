//! How a process that reads can end, and what that says of its document.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::ExtractionError;

/// Exit status of a process that could not limit itself.
pub const UNLIMITED: u8 = 70;
/// Exit status of a process whose pipes broke.
pub const BROKEN_PIPE: u8 = 74;

/// What the owner of a document is told when the process that read it did not end well.
pub mod reason {
    /// It was ended by a limit of time.
    pub const TIME: &str = "reading the document takes too long";
    /// It ran out of memory or out of stack, or fell into a bug. From outside they look alike.
    pub const MEMORY: &str = "reading the document takes more memory than is allowed, or it is broken";
    /// It said more than any document can.
    pub const LENGTH: &str = "the document has more text than can be read at once; split it";
}

/// Whether the process ended well. Else why its document is unreadable, or what is our fault.
pub fn judge(status: ExitStatus) -> Result<Option<&'static str>, ExtractionError> {
    if status.success() {
        return Ok(None);
    }
    match (status.signal(), status.code()) {
        (Some(signal), _) if signal == Signal::XCPU.as_raw() => Ok(Some(reason::TIME)),
        (_, Some(code)) if code == i32::from(UNLIMITED) => Err(ExtractionError::Unlimited),
        (_, Some(code)) if code == i32::from(BROKEN_PIPE) => {
            Err(ExtractionError::Process(std::io::ErrorKind::BrokenPipe.into()))
        }
        // Aborted, a fault of memory, killed; or a panic where those do not abort.
        _ => Ok(Some(reason::MEMORY)),
    }
}
