//! The signals that this process forwards to a command.

use std::io;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::signal::unix::{self, SignalKind, signal};

/// Signals that end a command. While this value exists, they do not end this process.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Listens from now on. Call it before the command starts.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}

/// Sends a signal to the session of a process, or to the process alone if it leads no session. A process that has
/// ended gets none.
pub(crate) fn send(process: Pid, signal: Signal) {
    if kill_process_group(process, signal).is_err() {
        let _ = kill_process(process, signal);
    }
}
