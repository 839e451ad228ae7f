//! The parent process, which starts a child process for each document.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bulkhead_documents::Format;
use bulkhead_events::ExtractionAnswer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::exit::{self, reason};
use crate::{ExtractionError, PARSE};

/// Maximum output of the child in bytes: the limit of a Lambda response.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_OUTPUT: u64 = 6_000_000;

/// Runs `program` to parse a document.
pub async fn read(
    program: &Path,
    format: Format,
    content: &[u8],
    deadline: Duration,
) -> Result<ExtractionAnswer, ExtractionError> {
    let mut child = start(program, format).map_err(ExtractionError::Process)?;
    // `kill_on_drop` stops the child also if this future is dropped early.
    match timeout(deadline, exchange(&mut child, content)).await {
        Ok(answer) => answer,
        Err(_) => {
            child.kill().await.map_err(ExtractionError::Process)?;
            unreadable(reason::TIME)
        }
    }
}

fn start(program: &Path, format: Format) -> io::Result<Child> {
    Command::new(program)
        .args([PARSE, format.content_type()])
        // The function's environment holds the credentials of its role.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A parser's panic message quotes the document, which must not reach the log.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Sends the document, reads the output and checks the exit status.
async fn exchange(child: &mut Child, content: &[u8]) -> Result<ExtractionAnswer, ExtractionError> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ExtractionError::Process(io::ErrorKind::BrokenPipe.into()));
    };
    let send = async move {
        // Fails if the child exits early. Its exit status tells why.
        let _ = input.write_all(content).await;
        // Dropping `input` here marks the end of the document.
    };
    let mut answer = Vec::new();
    let mut output = output.take(MAX_OUTPUT + 1);
    // Concurrently, because either pipe may be full.
    let ((), received) = tokio::join!(send, output.read_to_end(&mut answer));
    received.map_err(ExtractionError::Process)?;
    if answer.len() as u64 > MAX_OUTPUT {
        child.kill().await.map_err(ExtractionError::Process)?;
        return unreadable(reason::LENGTH);
    }
    let status = child.wait().await.map_err(ExtractionError::Process)?;
    match exit::classify(status)? {
        Some(reason) => unreadable(reason),
        None => serde_json::from_slice(&answer).map_err(ExtractionError::NoAnswer),
    }
}

fn unreadable(reason: &str) -> Result<ExtractionAnswer, ExtractionError> {
    Ok(ExtractionAnswer::Unreadable(reason.to_owned()))
}
