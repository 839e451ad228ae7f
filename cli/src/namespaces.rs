//! Runs a command in its own process and mount namespaces, with its own `/proc`.
//!
//! This process creates the namespaces and starts a second process, the first of the process namespace. The second
//! mounts `/proc`, drops its capabilities, starts the command and collects orphans. If one of the two ends, the kernel
//! ends all processes of the namespace.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};

use caps::{CapSet, Capability, CapsHashSet};
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getgid, getuid, set_parent_process_death_signal, wait,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::signals::{Signals, send};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "namespaced";
const FIRST: &str = "--first";

/// Why a command did not run in its namespaces.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamespaceError {
    /// The system does not permit one of the steps.
    #[error("cannot create the namespaces of the command")]
    Refused(#[from] io::Error),
    /// A capability could not be passed on or dropped.
    #[error("cannot change the capabilities of the command")]
    Capabilities(#[from] caps::errors::CapsError),
}

/// Returns whether this system permits the namespaces, by a trial. Hardened hosts and containers do not.
pub(crate) fn available() -> bool {
    let Ok(own) = std::env::current_exe() else { return false };
    Command::new(own)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Creates the namespaces, runs `command` in them and returns its exit status. Without a command, only tries.
pub(crate) fn run(first: bool, command: &[OsString]) -> Result<u8, NamespaceError> {
    if first { run_first(command) } else { create(command) }
}

fn create(command: &[OsString]) -> Result<u8, NamespaceError> {
    let own = std::env::current_exe()?;
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)
        .map_err(io::Error::from)?;
    // The operator keeps its own user and group, and gets no other.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    // After the new credentials, which reset it.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    // The first process mounts /proc. A user other than root loses capabilities at `exec` unless they are ambient.
    let mounts = CapsHashSet::from([Capability::CAP_SYS_ADMIN]);
    caps::set(None, CapSet::Inheritable, &mounts)?;
    caps::set(None, CapSet::Ambient, &mounts)?;
    let mut first = Command::new(own);
    first.args([SUBCOMMAND, FIRST, "--"]).args(command);
    Ok(supervise(first)?)
}

fn run_first(command: &[OsString]) -> Result<u8, NamespaceError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(io::Error::from)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(io::Error::from)?;
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set)?;
    }
    let Some((program, arguments)) = command.split_first() else { return Ok(0) };
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(supervise(command)?)
}

/// Runs a command, forwards signals to it, collects orphans, and returns its exit status as a shell does.
#[tokio::main(flavor = "current_thread")]
async fn supervise(mut command: Command) -> io::Result<u8> {
    let mut signals = Signals::listen()?;
    let mut ended = signal(SignalKind::child())?;
    let started = Pid::from_child(&command.spawn()?);
    loop {
        // An error means that there are no children; the next signal tells.
        while let Ok(Some((process, status))) = wait(WaitOptions::NOHANG) {
            if process == started {
                return Ok(exit_code(status));
            }
        }
        tokio::select! {
            _ = ended.recv() => {}
            signal = signals.next() => send(started, signal),
        }
    }
}

fn exit_code(status: WaitStatus) -> u8 {
    let signal = || status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or_else(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
