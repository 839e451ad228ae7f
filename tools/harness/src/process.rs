//! The operating system process of an environment.

use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};

use crate::lock::lock;

/// A child process that can receive signals until it is reaped.
pub(crate) struct Process {
    pid: i32,
    /// Cleared in the same step in which the process is reaped. The harness has one thread, so
    /// no signal is sent in between to another process that reuses the id.
    alive: Mutex<Option<Pid>>,
}

impl Process {
    pub(crate) fn new(pid: Pid) -> Self {
        Self { pid: pid.as_raw_nonzero().get(), alive: Mutex::new(Some(pid)) }
    }

    /// Marks the process as reaped. It receives no further signal.
    pub(crate) fn mark_reaped(&self) {
        *lock(&self.alive) = None;
    }

    fn signal(&self, signal: Signal) -> bool {
        let alive = lock(&self.alive);
        alive.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills the process, frozen or not. Returns `false` if it has exited already.
    pub(crate) fn kill(&self) -> bool {
        self.signal(Signal::KILL)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }
}
