#![doc = include_str!("../README.md")]

mod child;
mod limits;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bulkhead_prompts::Variables;
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub use child::child;
pub use limits::{MEMORY, PROCESSOR, STACK};

/// The argument that makes a function's program render one prompt template and exit.
pub const RENDER: &str = "render";

/// Maximum wall-clock time for one prompt template. The processor limit is shorter. A function with little memory has
/// a fraction of a processor.
const DEADLINE: Duration = Duration::from_secs(5);

/// Maximum output of the child in bytes: the longest rendered text, and its JSON escapes.
const MAX_OUTPUT: u64 = 2 * 1024 * 1024;

/// Exit status if the child could not limit itself.
const LIMITS_FAILED: u8 = 70;
/// Exit status if a pipe broke.
const BROKEN_PIPE: u8 = 74;

/// Messages for the author of a prompt template whose child process did not succeed.
mod reason {
    /// A time limit ended the child.
    pub(crate) const TIME: &str = "the template does too much work; simplify its loops and expressions";
    /// Memory limit, stack overflow or panic. The parent cannot tell them apart.
    pub(crate) const MEMORY: &str =
        "the template needs too much memory, or a number in it is out of range; simplify it";
}

/// Why a prompt template has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The prompt template or its variables are the cause. The message is for the author.
    #[error("{0}")]
    Refused(String),
    /// The child process did not start, or a pipe to it failed.
    #[error("run the child process")]
    Process(#[source] io::Error),
    /// The child could not limit itself and rendered nothing.
    #[error("the child process could not set its limits")]
    LimitsFailed,
    /// The child's output is not a valid answer.
    #[error("the child process returned no valid answer")]
    NoAnswer(#[source] serde_json::Error),
}

/// What the child does.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    /// Checks a prompt template that is saved.
    Check { source: String },
    /// Renders a stored prompt template.
    Render { source: String, variables: Variables },
}

/// The child's result.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Text(String),
    Refused(String),
}

/// Starts a child process for each prompt template.
#[derive(Debug, Clone)]
pub struct Renderer {
    program: PathBuf,
    deadline: Duration,
}

impl Renderer {
    /// Returns a renderer that runs `program render` and kills it after `deadline`.
    pub fn new(program: PathBuf, deadline: Duration) -> Self {
        Self { program, deadline }
    }

    /// Returns a renderer that starts the current program, and protects this process's memory from its children.
    pub fn of_this_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        Ok(Self::new(program, DEADLINE))
    }

    /// Checks a prompt template that is saved.
    pub async fn check(&self, source: &str) -> Result<(), RenderError> {
        self.run(Work::Check { source: source.to_owned() }).await.map(|_| ())
    }

    /// Renders a stored prompt template with `variables`.
    pub async fn render(&self, source: &str, variables: &Variables) -> Result<String, RenderError> {
        self.run(Work::Render { source: source.to_owned(), variables: variables.clone() }).await
    }

    async fn run(&self, work: Work) -> Result<String, RenderError> {
        let input = serde_json::to_vec(&work).map_err(|error| RenderError::Process(error.into()))?;
        let mut child = self.start().map_err(RenderError::Process)?;
        // `kill_on_drop` stops the child also if this future is dropped early.
        match timeout(self.deadline, exchange(&mut child, &input)).await {
            Ok(answer) => answer,
            Err(_) => {
                child.kill().await.map_err(RenderError::Process)?;
                Err(RenderError::Refused(reason::TIME.to_owned()))
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(RENDER)
            // The function's environment holds the credentials of its role.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A panic message may quote the template, which must not reach the log.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Sends the work, reads the output and checks the exit status.
async fn exchange(child: &mut Child, work: &[u8]) -> Result<String, RenderError> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(RenderError::Process(io::ErrorKind::BrokenPipe.into()));
    };
    let send = async move {
        // Fails if the child exits early. Its exit status tells why.
        let _ = input.write_all(work).await;
        // Dropping `input` here marks the end of the work.
    };
    let mut answer = Vec::new();
    let mut output = output.take(MAX_OUTPUT);
    // Concurrently, because either pipe may be full.
    let ((), received) = tokio::join!(send, output.read_to_end(&mut answer));
    received.map_err(RenderError::Process)?;
    let status = child.wait().await.map_err(RenderError::Process)?;
    if let Some(reason) = classify(status)? {
        return Err(RenderError::Refused(reason.to_owned()));
    }
    match serde_json::from_slice(&answer).map_err(RenderError::NoAnswer)? {
        Answer::Text(text) => Ok(text),
        Answer::Refused(reason) => Err(RenderError::Refused(reason)),
    }
}

/// Returns `None` if the child succeeded, or why its prompt template has no result.
fn classify(status: ExitStatus) -> Result<Option<&'static str>, RenderError> {
    match (status.signal(), status.code()) {
        (_, Some(0)) => Ok(None),
        // The second signal is for a child that ignores the first, which ours does not.
        (Some(signal), _) if signal == Signal::XCPU.as_raw() => Ok(Some(reason::TIME)),
        (_, Some(code)) if code == i32::from(LIMITS_FAILED) => Err(RenderError::LimitsFailed),
        (_, Some(code)) if code == i32::from(BROKEN_PIPE) => {
            Err(RenderError::Process(io::ErrorKind::BrokenPipe.into()))
        }
        // Abort, segmentation fault or kill; or a panic in a build that unwinds.
        _ => Ok(Some(reason::MEMORY)),
    }
}
