//! The step between us and a bootstrap: a process that dies with us, then becomes it.
//!
//! A frozen environment cannot notice that nobody serves it any more. Asking the kernel
//! for a signal at the parent's end has to happen in the child, between fork and exec;
//! as a program of its own that needs no unsafe code.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

pub(crate) const COMMAND: &str = "become-bootstrap";

/// The command that starts `bootstrap`, with nothing inherited.
pub(crate) fn command(bootstrap: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).arg(std::process::id().to_string()).arg(bootstrap).env_clear();
    Ok(command)
}

/// Replaces this process by the bootstrap; returns only if that fails.
pub(crate) fn become_bootstrap(parent: &OsStr, bootstrap: &OsString) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // It may have died before we asked.
    let ours = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if ours.as_deref().map(OsStr::new) != Some(parent) {
        return io::Error::other("the harness is gone");
    }
    Command::new(bootstrap).exec()
}
