//! Starts a bootstrap so that it dies with the harness.
//!
//! A frozen process cannot notice that the harness has exited. The child must therefore ask
//! the kernel to be killed with its parent, before it executes the bootstrap. Doing this in a
//! separate program needs no unsafe code.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

pub(crate) const COMMAND: &str = "become-bootstrap";

/// Returns the command that starts `bootstrap` with an empty environment.
pub(crate) fn command(bootstrap: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).arg(std::process::id().to_string()).arg(bootstrap).env_clear();
    Ok(command)
}

/// Replaces this process with the bootstrap. Returns only on failure.
pub(crate) fn become_bootstrap(parent: &OsStr, bootstrap: &OsString) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The parent may have exited before the call above.
    let ours = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if ours.as_deref().map(OsStr::new) != Some(parent) {
        return io::Error::other("the harness has exited");
    }
    Command::new(bootstrap).exec()
}
