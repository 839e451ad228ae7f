//! Resource limits of the child process.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum mapped memory in bytes, with the program. The function has twice as much: the kernel must stop the child
/// before Lambda stops the environment.
pub const MEMORY: u64 = 128 * 1024 * 1024;
/// Maximum processor time in seconds. The kernel sends a signal, and kills the child 1 second later.
pub const PROCESSOR: u64 = 1;
/// Maximum stack in bytes, the Linux default. Holds any template that respects the limits for nesting.
pub const STACK: u64 = 8 * 1024 * 1024;

/// Limits this process. The process cannot raise the limits again; open pipes stay open.
///
/// If this fails, the process must not read a prompt template.
pub(crate) fn apply() -> io::Result<()> {
    limit(Resource::As, MEMORY, MEMORY)?;
    limit(Resource::Stack, STACK, STACK)?;
    limit(Resource::Cpu, PROCESSOR, PROCESSOR + 1)?;
    // No core dump, no file writes, no child processes.
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nproc, 0, 0)?;
    // No new file descriptor: no file and no socket can be opened.
    limit(Resource::Nofile, 0, 0)
}

/// Sets a limit, but never raises one that is lower already: only root may do that.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let before = getrlimit(resource);
    let lower = |ours: u64, theirs: Option<u64>| Some(theirs.map_or(ours, |theirs| ours.min(theirs)));
    let maximum = lower(hard, before.maximum);
    let current = lower(soft, before.current);
    setrlimit(resource, Rlimit { current, maximum })
}
