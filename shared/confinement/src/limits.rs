//! Resource limits of the child process.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a confined process may use. It also opens no descriptor, writes no file and starts no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum mapped memory in bytes, with the program.
    pub memory: u64,
    /// Maximum processor time in seconds. The kernel sends a signal, and kills the process 1 second later.
    pub processor: u64,
    /// Maximum stack in bytes. Stops unbounded recursion.
    pub stack: u64,
}

impl Limits {
    /// Limits this process. The process cannot raise the limits again; open pipes stay open.
    pub(crate) fn apply(&self) -> io::Result<()> {
        limit(Resource::As, self.memory, self.memory)?;
        limit(Resource::Stack, self.stack, self.stack)?;
        limit(Resource::Cpu, self.processor, self.processor.saturating_add(1))?;
        // No core dump, no file writes, no child processes.
        limit(Resource::Core, 0, 0)?;
        limit(Resource::Fsize, 0, 0)?;
        limit(Resource::Nproc, 0, 0)?;
        // No new file descriptor: no file and no socket can be opened.
        limit(Resource::Nofile, 0, 0)
    }
}

/// Sets a limit, but never raises one that is lower already: only root may do that.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let before = getrlimit(resource);
    let lower = |ours: u64, theirs: Option<u64>| Some(theirs.map_or(ours, |theirs| ours.min(theirs)));
    let maximum = lower(hard, before.maximum);
    let current = lower(soft, before.current);
    setrlimit(resource, Rlimit { current, maximum })
}
