//! The `extraction` function: parses untrusted documents into passages.
//!
//! An exploited parser finds nothing to steal. The function has no tenant credentials, no
//! AWS SDK, and only the environment variables that every function has. It does not parse: it
//! starts itself again as a child process for each document. The kernel confines the child to memory and two pipes,
//! limits its time and memory, and the child exits before the next document.

mod child;
mod parent;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bulkhead_confinement::{ConfinementError, protect_memory};
use bulkhead_documents::{DocumentError, Format, MAX_BYTES};
use lambda_runtime::Diagnostic;

pub use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
pub use child::child;

/// The argument that makes the program parse one document. The content type follows.
pub const PARSE: &str = "parse";
/// Maximum wall-clock time for one document, also if the caller waits longer.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// Why the outcome for a document is unknown. Not caused by the document; worth a retry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractionError {
    /// The child process did not run, or could not confine itself.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// The child's output is not a valid answer.
    #[error("the child process returned no valid answer")]
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
    /// Returns a function that runs `program parse <content type>` for each document and kills
    /// it after `deadline`.
    pub fn new(program: PathBuf, deadline: Duration) -> Self {
        Self { program, deadline }
    }

    /// Returns a function that starts the current program, and protects this process's memory
    /// from its children.
    pub fn of_this_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        protect_memory()?;
        Ok(Self::new(program, DEADLINE))
    }

    /// Parses one document. An unreadable document is an answer, not an error.
    pub async fn handle(&self, request: ExtractionRequest) -> Result<ExtractionAnswer, ExtractionError> {
        let (started, bytes) = (Instant::now(), request.content.len());
        let (format, content_type) = match declared(&request) {
            Ok(declared) => declared,
            Err(error) => {
                tracing::info!(document.bytes = bytes, outcome = "refused", "document unreadable");
                return Ok(ExtractionAnswer::Unreadable(error.to_string()));
            }
        };
        // Leaves time for the answer. Otherwise the caller gives up first, and reads the document again.
        let patience = Duration::from_millis(request.within_ms).mul_f64(0.8);
        let deadline = self.deadline.min(patience);
        let outcome = parent::read(&self.program, &content_type, &request.content, deadline).await;
        let duration_ms = started.elapsed().as_millis();
        match &outcome {
            Ok(ExtractionAnswer::Document(document)) => tracing::info!(
                document.format = format.content_type(),
                document.bytes = bytes,
                document.passages = document.passages.len(),
                document.warnings = document.warnings.len(),
                outcome = "read",
                duration_ms,
                "document read"
            ),
            // The reason comes from the untrusted child, so it is not logged.
            Ok(ExtractionAnswer::Unreadable(_)) => tracing::info!(
                document.format = format.content_type(),
                document.bytes = bytes,
                outcome = "unreadable",
                duration_ms,
                "document unreadable"
            ),
            Err(error) => tracing::error!(
                document.format = format.content_type(),
                document.bytes = bytes,
                outcome = "fault",
                error = error as &dyn std::error::Error,
                duration_ms,
                "extraction failed"
            ),
        }
        outcome
    }
}

/// Checks size and content type without reading the document. Returns the format, and the content type with its
/// `charset`.
fn declared(request: &ExtractionRequest) -> Result<(Format, String), DocumentError> {
    if request.content.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    Ok((Format::from_content_type(&request.content_type)?, Format::declared(&request.content_type)?))
}

/// Starts logging in JSON, in the format of all functions.
pub fn start_logging() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}
