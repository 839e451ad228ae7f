//! Reads documents: a stranger's bytes come in, passages go out.
//!
//! Whoever breaks a parser finds nothing here. The function has no tenant's credentials, no
//! AWS SDK and no environment variable of its own, and it does not parse: it starts itself
//! again for each document, as a process that can open nothing, is bounded in time and
//! memory, and is gone before the next document comes.

mod child;
mod end;
mod limits;
mod parent;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bulkhead_documents::{DocumentError, Format, MAX_BYTES};
use lambda_runtime::Diagnostic;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

pub use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
pub use child::child;

/// The argument upon which the program reads one document; the next is its content type.
pub const PARSE: &str = "parse";
/// How long reading one document may take, by the clock. Less than the caller waits.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// Why nothing can be said of a document. A fault of ours, and worth trying again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractionError {
    /// The process that reads did not start, or the pipes to it failed.
    #[error("run a process that reads")]
    Process(#[source] io::Error),
    /// The process could not put limits on itself, and so did not read.
    #[error("the process that reads could not be limited")]
    Unlimited,
    /// What the process said is no answer.
    #[error("the process that reads gave no answer")]
    NoAnswer(#[source] serde_json::Error),
}

impl From<ExtractionError> for Diagnostic {
    fn from(error: ExtractionError) -> Self {
        Self { error_type: "ExtractionError".to_owned(), error_message: error.to_string() }
    }
}

/// The function.
pub struct Extraction {
    program: PathBuf,
    deadline: Duration,
}

impl Extraction {
    /// Prepares a function whose documents are read by `program parse <content type>`, within
    /// `deadline` each.
    pub fn new(program: PathBuf, deadline: Duration) -> Self {
        Self { program, deadline }
    }

    /// Prepares the function with the program that runs, and closes its memory to the
    /// processes that it will start.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn of_this_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        // They run as the same user, who may otherwise look into this process: the documents
        // before this one, and the credentials of the function's role.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        Ok(Self::new(program, DEADLINE))
    }

    /// Reads one document.
    ///
    /// # Errors
    /// [`ExtractionError`]. That a document cannot be read is an answer.
    pub async fn handle(&self, request: ExtractionRequest) -> Result<ExtractionAnswer, ExtractionError> {
        let (begun, bytes) = (Instant::now(), request.content.len());
        let format = match format(&request) {
            Ok(format) => format,
            Err(error) => {
                tracing::info!(document.bytes = bytes, outcome = "refused", "a document cannot be read");
                return Ok(ExtractionAnswer::Unreadable(error.to_string()));
            }
        };
        let outcome = parent::read(&self.program, format, &request.content, self.deadline).await;
        let duration_ms = begun.elapsed().as_millis();
        match &outcome {
            Ok(ExtractionAnswer::Passages(passages)) => tracing::info!(
                document.format = format.content_type(),
                document.bytes = bytes,
                document.passages = passages.len(),
                outcome = "read",
                duration_ms,
                "a document was read"
            ),
            // Not the reason: it comes from the process that read.
            Ok(ExtractionAnswer::Unreadable(_)) => tracing::info!(
                document.format = format.content_type(),
                document.bytes = bytes,
                outcome = "unreadable",
                duration_ms,
                "a document cannot be read"
            ),
            Err(error) => tracing::error!(
                document.format = format.content_type(),
                document.bytes = bytes,
                outcome = "fault",
                error = error as &dyn std::error::Error,
                duration_ms,
                "nothing can be said of a document"
            ),
        }
        outcome
    }
}

/// What can be told without looking into the document.
fn format(request: &ExtractionRequest) -> Result<Format, DocumentError> {
    if request.content.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    Format::from_content_type(&request.content_type)
}

/// Starts writing JSON to the log, as all functions do.
pub fn start_logging() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}
