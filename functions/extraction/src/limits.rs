//! What a process that reads may use.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Memory that it may map, bytes. The function has twice as much: the document and its
/// passages are in the parent as well, and the kernel has to end a child before Lambda ends
/// the environment.
pub const MEMORY: u64 = 512 * 1024 * 1024;
/// Time on a processor, seconds. The kernel tells it after this many and kills it one later.
pub const PROCESSOR: u64 = 20;
/// Its stack, bytes: what Linux gives by default. Parsers that call themselves too often end
/// here.
pub const STACK: u64 = 8 * 1024 * 1024;

/// Puts this process under limits that it cannot lift again. What its pipes were open for
/// before, they still are.
///
/// # Errors
/// Those of the operating system: then nothing may be read.
pub fn impose() -> io::Result<()> {
    limit(Resource::As, MEMORY, MEMORY)?;
    limit(Resource::Stack, STACK, STACK)?;
    limit(Resource::Cpu, PROCESSOR, PROCESSOR + 1)?;
    // No dump, no file that grows, no further process.
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nproc, 0, 0)?;
    // No file and no socket has a number below 0: none can be opened.
    limit(Resource::Nofile, 0, 0)
}

/// Never raises a limit that is lower already: only root could.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let before = getrlimit(resource);
    let lower = |ours: u64, theirs: Option<u64>| Some(theirs.map_or(ours, |theirs| ours.min(theirs)));
    let maximum = lower(hard, before.maximum);
    let current = lower(soft, before.current);
    setrlimit(resource, Rlimit { current, maximum })
}
