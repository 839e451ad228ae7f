//! The `extraction` function: parses untrusted documents into passages.
//!
//! An exploited parser finds nothing to steal. The function has no tenant credentials, no
//! AWS SDK, and only one environment variable beside those that every function has. It does not parse: it
//! starts itself again as a child process for each document. The kernel confines the child to memory and two pipes,
//! limits its time and memory, and the child exits before the next document.
//!
//! The parent streams the document from a signed URL to the child and never holds it as a whole. The child has no
//! network and never sees the URL.

mod child;
mod download;
mod parent;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bulkhead_confinement::{ConfinementError, protect_memory};
use bulkhead_documents::{DocumentError, Format};
use lambda_runtime::Diagnostic;

pub use bulkhead_events::{ExtractionAnswer, ExtractionRequest};
pub use child::child;
pub use download::{DownloadError, Sources};

use download::Downloads;

/// The argument that makes the program parse one document. See [`child()`].
pub const PARSE: &str = "parse";
/// Maximum wall-clock time for one document, also if the caller waits longer.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// Why the outcome for a document is unknown. Not caused by the document; worth a retry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractionError {
    /// The document's bytes cannot be fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The child process did not run, or could not confine itself, or the download broke off.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// The child's output is not a valid answer.
    #[error("the child process returned no valid answer")]
    NoAnswer(#[source] serde_json::Error),
}

impl ExtractionError {
    /// Returns whether the bucket or the network is the cause.
    fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Download(DownloadError::Connection(_) | DownloadError::Status(_))
                | Self::Confinement(ConfinementError::Input(_))
        )
    }
}

impl From<ExtractionError> for Diagnostic {
    fn from(error: ExtractionError) -> Self {
        Self { error_type: "ExtractionError".to_owned(), error_message: error.to_string() }
    }
}

/// The function.
pub struct Extraction {
    program: PathBuf,
    downloads: Downloads,
    deadline: Duration,
}

impl Extraction {
    /// Returns a function that runs `program` for each document from `sources`, and kills it after `deadline`.
    ///
    /// Fails if the system has no certificates to verify servers.
    pub fn new(program: PathBuf, sources: Sources, deadline: Duration) -> io::Result<Self> {
        Ok(Self { program, downloads: Downloads::new(sources)?, deadline })
    }

    /// Returns a function that starts the current program, and protects this process's memory
    /// from its children.
    pub fn of_this_program(sources: Sources) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        protect_memory()?;
        Self::new(program, sources, DEADLINE)
    }

    /// Parses one document. An unreadable document is an answer, not an error, and so are bytes that cannot be fetched:
    /// the caller must not blame the tenant.
    pub async fn handle(&self, request: ExtractionRequest) -> Result<ExtractionAnswer, ExtractionError> {
        let started = Instant::now();
        let (format, content_type) = match declared(&request.content_type) {
            Ok(declared) => declared,
            Err(error) => {
                tracing::info!(outcome = "refused", "document unreadable");
                return Ok(ExtractionAnswer::unreadable(error.to_string()));
            }
        };
        // Leaves time for the answer. Otherwise the caller gives up first, and reads the document again.
        let patience = Duration::from_millis(request.within_ms).mul_f64(0.8);
        let deadline = self.deadline.min(patience);
        let request = ExtractionRequest { content_type, ..request };
        let mut bytes = 0;
        let outcome = parent::read(&self.program, &self.downloads, &request, deadline, &mut bytes).await;
        let duration_ms = started.elapsed().as_millis();
        match &outcome {
            Ok(ExtractionAnswer::Page { page, .. }) => tracing::info!(
                document.format = format.content_type(),
                document.bytes = bytes,
                document.passages = page.total,
                document.warnings = page.warnings.len(),
                page.first = request.first,
                page.passages = page.passages.len(),
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
            Ok(ExtractionAnswer::Unavailable) => {}
            Err(error) => tracing::error!(
                document.format = format.content_type(),
                document.bytes = bytes,
                outcome = "fault",
                error = error as &dyn std::error::Error,
                duration_ms,
                "extraction failed"
            ),
        }
        match outcome {
            Err(error) if error.is_unavailable() => Ok(ExtractionAnswer::Unavailable),
            outcome => outcome,
        }
    }
}

/// Checks the content type. Returns the format, and the content type with its `charset`.
fn declared(content_type: &str) -> Result<(Format, String), DocumentError> {
    Ok((Format::from_content_type(content_type)?, Format::declared(content_type)?))
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
