#![doc = include_str!("../README.md")]

mod child;

use std::future::ready;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bulkhead_confinement::{Bounds, ConfinementError, Outcome, Stop, protect_memory, run};
use bulkhead_prompts::Variables;
use futures::stream;
use serde::{Deserialize, Serialize};

pub use child::child;

/// The argument that makes a function's program render one prompt template and exit.
pub const RENDER: &str = "render";

/// Maximum wall-clock time for one prompt template. The processor limit is shorter. A function with little memory has
/// a fraction of a processor.
const DEADLINE: Duration = Duration::from_secs(5);

/// Maximum output of the child in bytes: the longest rendered text, and its JSON escapes.
const MAX_OUTPUT: u64 = 2 * 1024 * 1024;

/// Why a prompt template has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The prompt template or its variables are the cause. The message is for the author.
    #[error("{0}")]
    Refused(String),
    /// The child process did not run, or could not confine itself.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// The work has no JSON form.
    #[error("write the work of the child process")]
    Work(#[source] serde_json::Error),
    /// The child's output is not a valid answer.
    #[error("the child process returned no valid answer")]
    NoAnswer(#[source] serde_json::Error),
}

/// What the child does.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    /// Checks a prompt template that is saved.
    Check { parts: Vec<Part> },
    /// Renders a stored prompt template.
    Render { parts: Vec<String>, variables: Variables },
}

/// The child's result.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Texts(Vec<String>),
    /// The number of the part that is refused, and the reason.
    Refused(usize, String),
}

/// A part of a prompt template that is saved, and the variables that it may read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// The source of the part.
    pub source: String,
    /// The variables that it may read.
    pub reads: Reads,
}

/// The variables that a part of a prompt template may read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// Every variable: the prompt template declares none.
    All,
    /// The declared variables.
    Declared(Vec<String>),
    /// The variables that the declaration allows in an instruction.
    Instruction(Vec<String>),
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
        protect_memory()?;
        Ok(Self::new(program, DEADLINE))
    }

    /// Checks a prompt template of one text that is saved. It may read only the variables in `declared`, if there is a
    /// declaration.
    pub async fn check(&self, source: &str, declared: Option<Vec<String>>) -> Result<(), RenderError> {
        let reads = declared.map_or(Reads::All, Reads::Declared);
        let parts = vec![Part { source: source.to_owned(), reads }];
        self.run(Work::Check { parts }).await.map_err(RenderError::of_one).map(|_| ())
    }

    /// Checks a prompt template of several messages that is saved. The reason of a refusal names the message.
    pub async fn check_messages(&self, parts: Vec<Part>) -> Result<(), RenderError> {
        self.run(Work::Check { parts }).await.map_err(RenderError::of_messages).map(|_| ())
    }

    /// Renders a stored prompt template of one text with `variables`.
    pub async fn render(&self, source: &str, variables: &Variables) -> Result<String, RenderError> {
        let work = Work::Render { parts: vec![source.to_owned()], variables: variables.clone() };
        let texts = self.run(work).await.map_err(RenderError::of_one)?;
        Ok(texts.into_iter().next().unwrap_or_default())
    }

    /// Renders the messages of a stored prompt template with `variables`. The reason of a refusal names the message.
    pub async fn render_messages(
        &self,
        parts: Vec<String>,
        variables: &Variables,
    ) -> Result<Vec<String>, RenderError> {
        self.run(Work::Render { parts, variables: variables.clone() }).await.map_err(RenderError::of_messages)
    }

    async fn run(&self, work: Work) -> Result<Vec<String>, Failed> {
        let work = serde_json::to_vec(&work).map_err(|error| Failed::Other(RenderError::Work(error)))?;
        let input = stream::once(ready(Ok(work)));
        let bounds = Bounds { deadline: self.deadline, output: MAX_OUTPUT };
        let outcome = run(&self.program, [RENDER], input, bounds).await;
        let answer = match outcome.map_err(|error| Failed::Other(error.into()))? {
            Outcome::Output(answer) => answer,
            Outcome::Stopped(stop) => return Err(Failed::Whole(reason(stop))),
        };
        let answer = serde_json::from_slice(&answer);
        match answer.map_err(|error| Failed::Other(RenderError::NoAnswer(error)))? {
            Answer::Texts(texts) => Ok(texts),
            Answer::Refused(part, reason) => Err(Failed::Part(part, reason)),
        }
    }
}

/// Why a child has no result.
enum Failed {
    /// One part is the cause.
    Part(usize, String),
    /// The parts together are the cause, or one that is not known.
    Whole(&'static str),
    Other(RenderError),
}

impl RenderError {
    fn of_one(failed: Failed) -> Self {
        match failed {
            Failed::Part(_, reason) => Self::Refused(reason),
            Failed::Whole(reason) => Self::Refused(reason.to_owned()),
            Failed::Other(error) => error,
        }
    }

    fn of_messages(failed: Failed) -> Self {
        match failed {
            Failed::Part(part, reason) => Self::Refused(format!("`messages[{part}]`: {reason}")),
            other => Self::of_one(other),
        }
    }
}

/// Returns the message for the author of a prompt template whose child process did not succeed.
fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Time => "the template does too much work; simplify its loops and expressions",
        Stop::Memory => "the template needs too much memory, or a number in it is out of range; simplify it",
        Stop::Output => "the rendered text is too long; shorten the template or its variables",
        Stop::SystemCall => "the template attempted a forbidden operation; simplify it",
    }
}
