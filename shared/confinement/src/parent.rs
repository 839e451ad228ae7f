//! The parent process, which starts a child process for each input.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::{Stream, StreamExt};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{BROKEN_PIPE, NOT_CONFINED};

/// What the parent waits for.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Maximum wall-clock time. The parent kills the child after it.
    pub deadline: Duration,
    /// Maximum output in bytes.
    pub output: u64,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The child's output.
    Output(Vec<u8>),
    /// The child did not succeed, and its input is the cause.
    Stopped(Stop),
}

/// What ended a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A limit of time.
    Time,
    /// The memory limit, a stack overflow or a panic. The parent cannot tell them apart.
    Memory,
    /// The output is longer than allowed.
    Output,
    /// A system call that the filter does not allow.
    SystemCall,
}

/// Why the outcome of an input is unknown. Not caused by the input; worth a retry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfinementError {
    /// The child process did not start, or a pipe to it failed.
    #[error("run the child process")]
    Process(#[source] io::Error),
    /// The child could not enter the confinement and read nothing.
    #[error("the child process could not confine itself")]
    NotConfined,
    /// The input could not be read to its end.
    #[error("read the input of the child process")]
    Input(#[source] io::Error),
}

/// Protects this process's memory from its children. They run as the same user and could otherwise read earlier
/// inputs, and the credentials of a function's role.
pub fn protect_memory() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Runs `program` as a child process with the parts of `input` as its standard input.
///
/// The input is never held as a whole. The child may end before the last part.
///
/// # Errors
/// [`ConfinementError`] if the input is not the cause.
pub async fn run(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    input: impl Stream<Item = io::Result<impl AsRef<[u8]>>>,
    bounds: Bounds,
) -> Result<Outcome, ConfinementError> {
    let mut child = start(program, arguments).map_err(ConfinementError::Process)?;
    // `kill_on_drop` stops the child also if this future is dropped early.
    let outcome = match timeout(bounds.deadline, exchange(&mut child, input, bounds.output)).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            child.kill().await.map_err(ConfinementError::Process)?;
            Outcome::Stopped(Stop::Time)
        }
    };
    if outcome == Outcome::Stopped(Stop::SystemCall) {
        tracing::warn!("confined process made a forbidden system call");
    }
    Ok(outcome)
}

fn start(program: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> io::Result<Child> {
    Command::new(program)
        .args(arguments)
        // The function's environment holds the credentials of its role.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A panic message quotes the input, which must not reach the log.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Sends the input, reads the output and checks the exit status.
async fn exchange(
    child: &mut Child,
    input: impl Stream<Item = io::Result<impl AsRef<[u8]>>>,
    maximum: u64,
) -> Result<Outcome, ConfinementError> {
    let (Some(mut pipe), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ConfinementError::Process(io::ErrorKind::BrokenPipe.into()));
    };
    let send = async move {
        let mut input = pin!(input);
        while let Some(part) = input.next().await {
            let part = part.map_err(ConfinementError::Input)?;
            // Fails if the child exits early. Its exit status tells why.
            if pipe.write_all(part.as_ref()).await.is_err() {
                break;
            }
        }
        // Dropping `pipe` here marks the end of the input.
        Ok(())
    };
    let mut answer = Vec::new();
    let mut output = output.take(maximum.saturating_add(1));
    let receive = async { output.read_to_end(&mut answer).await.map_err(ConfinementError::Process) };
    // Concurrently, because either pipe may be full. Ends at once if the input breaks off: the child would take the
    // part for the whole.
    tokio::try_join!(send, receive)?;
    if answer.len() as u64 > maximum {
        child.kill().await.map_err(ConfinementError::Process)?;
        return Ok(Outcome::Stopped(Stop::Output));
    }
    let status = child.wait().await.map_err(ConfinementError::Process)?;
    Ok(classify(status)?.map_or(Outcome::Output(answer), Outcome::Stopped))
}

/// Returns `None` if the child succeeded, or what ended it.
fn classify(status: ExitStatus) -> Result<Option<Stop>, ConfinementError> {
    if let Some(signal) = status.signal() {
        return Ok(Some(match signal {
            signal if signal == Signal::XCPU.as_raw() => Stop::Time,
            signal if signal == Signal::SYS.as_raw() => Stop::SystemCall,
            // Abort, segmentation fault or kill.
            _ => Stop::Memory,
        }));
    }
    match status.code() {
        Some(0) => Ok(None),
        Some(code) if code == i32::from(NOT_CONFINED) => Err(ConfinementError::NotConfined),
        Some(code) if code == i32::from(BROKEN_PIPE) => {
            Err(ConfinementError::Process(io::ErrorKind::BrokenPipe.into()))
        }
        // A panic in a build that unwinds.
        _ => Ok(Some(Stop::Memory)),
    }
}
