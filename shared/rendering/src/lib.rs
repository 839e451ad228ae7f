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
    Check { source: String, declared: Option<Vec<String>> },
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
        protect_memory()?;
        Ok(Self::new(program, DEADLINE))
    }

    /// Checks a prompt template that is saved. It may read only the variables in `declared`, if there is a declaration.
    pub async fn check(&self, source: &str, declared: Option<Vec<String>>) -> Result<(), RenderError> {
        self.run(Work::Check { source: source.to_owned(), declared }).await.map(|_| ())
    }

    /// Renders a stored prompt template with `variables`.
    pub async fn render(&self, source: &str, variables: &Variables) -> Result<String, RenderError> {
        self.run(Work::Render { source: source.to_owned(), variables: variables.clone() }).await
    }

    async fn run(&self, work: Work) -> Result<String, RenderError> {
        let work = serde_json::to_vec(&work).map_err(RenderError::Work)?;
        let input = stream::once(ready(Ok(work)));
        let bounds = Bounds { deadline: self.deadline, output: MAX_OUTPUT };
        let answer = match run(&self.program, [RENDER], input, bounds).await? {
            Outcome::Output(answer) => answer,
            Outcome::Stopped(stop) => return Err(RenderError::Refused(reason(stop).to_owned())),
        };
        match serde_json::from_slice(&answer).map_err(RenderError::NoAnswer)? {
            Answer::Text(text) => Ok(text),
            Answer::Refused(reason) => Err(RenderError::Refused(reason)),
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
