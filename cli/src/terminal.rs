//! The terminal of a command. A command never gets a descriptor of the operator's terminal: with it, the command could
//! read what the operator types, or type into the operator's shell.
//!
//! - If standard input and standard output are terminals, the command gets a pseudo-terminal, and this process relays
//!   between the two. The operator's terminal is raw meanwhile.
//! - Otherwise pipes and files pass through unchanged. A terminal as input reads as empty, and a terminal as output is
//!   a pipe that this process copies from: another program of the same pipeline, such as `less`, may own the terminal.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

const BUFFER: usize = 16 * 1024;
/// How long the relay waits for more output after the command has ended, if a background process keeps the terminal.
const DRAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The streams of a command, and what copies between them and the streams of this process.
pub(crate) struct Streams {
    terminal: Option<Terminal>,
    /// A pipe in place of a terminal that is only written, and whether it replaces standard output.
    output: Option<(PipeReader, bool)>,
}

/// Both ends of a pseudo-terminal.
struct Terminal {
    ours: OwnedFd,
    commands: OwnedFd,
    before: Termios,
}

impl Streams {
    /// Returns whether a command gets a terminal.
    pub(crate) fn would_have_terminal() -> bool {
        isatty(io::stdin()) && isatty(io::stdout())
    }

    /// Chooses the streams of `child`.
    pub(crate) fn attach(child: &mut tokio::process::Command) -> io::Result<Self> {
        let (input, output, errors) = (isatty(io::stdin()), isatty(io::stdout()), isatty(io::stderr()));
        if Self::would_have_terminal() {
            let terminal = Terminal::like_the_operators()?;
            child.stdin(terminal.for_the_command()?).stdout(terminal.for_the_command()?);
            if errors {
                child.stderr(terminal.for_the_command()?);
            }
            return Ok(Self { terminal: Some(terminal), output: None });
        }
        if input {
            child.stdin(Stdio::null());
        }
        if !output && !errors {
            return Ok(Self { terminal: None, output: None });
        }
        // One pipe for both keeps the order of their lines.
        let (reader, writer) = io::pipe()?;
        if output {
            child.stdout(writer.try_clone()?);
        }
        if errors {
            child.stderr(writer);
        }
        Ok(Self { terminal: None, output: Some((reader, output)) })
    }

    /// Starts to copy. Call it when the command has started and its `Command` is dropped: then only the command holds
    /// the other ends.
    pub(crate) fn relay(self) -> io::Result<Relay> {
        let (ended, stop) = io::pipe()?;
        let (terminal, copies) = match (self.terminal, self.output) {
            (Some(Terminal { ours, commands, before }), _) => {
                drop(commands);
                let raw = RawMode::enter(before)?;
                let (from, to, input_ended) = (ours.try_clone()?, ours.try_clone()?, ended.try_clone()?);
                // Not joined: it may wait for a command that does not read.
                thread::spawn(move || copy_input(&to, &input_ended));
                let output = thread::spawn(move || copy_output(&from, &mut io::stdout(), &ended));
                (Some((ours, raw)), Some(output))
            }
            (None, Some((reader, true))) => {
                (None, Some(thread::spawn(move || copy_output(&reader, &mut io::stdout(), &ended))))
            }
            (None, Some((reader, false))) => {
                (None, Some(thread::spawn(move || copy_output(&reader, &mut io::stderr(), &ended))))
            }
            (None, None) => (None, None),
        };
        Ok(Relay { terminal, copies, stop: Some(stop) })
    }
}

impl Terminal {
    /// Opens a pseudo-terminal with the settings and the size of the operator's terminal.
    #[cfg(target_os = "linux")]
    fn like_the_operators() -> io::Result<Self> {
        use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let commands = ioctl_tiocgptpeer(&ours, flags)?;
        let before = tcgetattr(io::stdin())?;
        tcsetattr(&commands, OptionalActions::Now, &before)?;
        tcsetwinsize(&commands, tcgetwinsize(io::stdin())?)?;
        Ok(Self { ours, commands, before })
    }

    /// The sandbox, which needs the terminal, exists on Linux only.
    #[cfg(not(target_os = "linux"))]
    fn like_the_operators() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn for_the_command(&self) -> io::Result<Stdio> {
        Ok(self.commands.try_clone()?.into())
    }
}

/// Copies between the streams until the command ends. Dropping it restores the operator's terminal.
pub(crate) struct Relay {
    terminal: Option<(OwnedFd, RawMode)>,
    copies: Option<JoinHandle<()>>,
    stop: Option<PipeWriter>,
}

impl Relay {
    /// Gives the command's terminal the size of the operator's terminal.
    pub(crate) fn resize(&self) {
        if let Some((ours, _)) = &self.terminal
            && let Ok(size) = tcgetwinsize(io::stdin())
        {
            // The kernel signals the command. The terminal may be closed already.
            let _ = tcsetwinsize(ours, size);
        }
    }

    /// Makes the operator's terminal raw again: the shell resets it while this process is stopped.
    pub(crate) fn resume(&self) {
        if let Some((_, raw)) = &self.terminal {
            let _ = raw.apply();
        }
        self.resize();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(copies) = self.copies.take() {
            let _ = copies.join();
        }
    }
}

/// The raw mode of the operator's terminal. Dropping it restores the mode before, and so does a panic.
struct RawMode {
    before: Termios,
}

impl RawMode {
    fn enter(before: Termios) -> io::Result<Self> {
        let raw = Self { before: before.clone() };
        // `panic = "abort"` drops nothing.
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            report(panic);
        }));
        raw.apply()?;
        Ok(raw)
    }

    fn apply(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &raw)?)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Discards unread keys: output can make a terminal answer, and the shell would read the answer.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Copies what the operator types to the command, until `ended` closes.
fn copy_input(to: &OwnedFd, ended: &PipeReader) {
    let mut buffer = [0; BUFFER];
    let stdin = io::stdin();
    while let Some(Ready { first: true, second: false }) = wait_for(stdin.as_fd(), ended.as_fd(), None) {
        let Ok(read @ 1..) = rustix::io::read(&stdin, &mut buffer) else { return };
        let mut rest = buffer.get(..read).unwrap_or_default();
        while !rest.is_empty() {
            let Ok(written) = rustix::io::write(to, rest) else { return };
            rest = rest.get(written..).unwrap_or_default();
        }
    }
}

/// Copies the command's output until all its writers have ended, or until `ended` closes and nothing is left.
fn copy_output(from: &impl AsFd, to: &mut impl Write, ended: &PipeReader) {
    let mut buffer = [0; BUFFER];
    let mut draining = false;
    loop {
        let ready = match draining {
            false => wait_for(from.as_fd(), ended.as_fd(), None),
            true => wait_for(from.as_fd(), from.as_fd(), Some(&DRAIN)),
        };
        let Some(ready) = ready else { return };
        if !ready.first {
            if draining {
                return;
            }
            draining = true;
            continue;
        }
        // A terminal whose last process has ended gives an error.
        let Ok(read @ 1..) = rustix::io::read(from, &mut buffer) else { return };
        // The reader of this output may have ended; the command still must not wait.
        let _ = to.write_all(buffer.get(..read).unwrap_or_default()).and_then(|()| to.flush());
    }
}

/// Which of two descriptors can be read, or is closed.
struct Ready {
    first: bool,
    second: bool,
}

/// Waits until a descriptor can be read. Neither is ready after the time-out.
fn wait_for(first: BorrowedFd<'_>, second: BorrowedFd<'_>, timeout: Option<&Timespec>) -> Option<Ready> {
    let mut both =
        [PollFd::from_borrowed_fd(first, PollFlags::IN), PollFd::from_borrowed_fd(second, PollFlags::IN)];
    loop {
        match poll(&mut both, timeout) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
            Ok(_) => break,
        }
    }
    let [first, second] = both.map(|descriptor| !descriptor.revents().is_empty());
    Some(Ready { first, second })
}
