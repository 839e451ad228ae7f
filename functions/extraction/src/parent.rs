//! The process that has a document read.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bulkhead_documents::Format;
use bulkhead_events::ExtractionAnswer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::end::{self, reason};
use crate::{ExtractionError, PARSE};

/// Most that a process may say, bytes: what an answer of the function may have.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LONGEST: u64 = 6_000_000;

/// Has `program` read a document.
pub async fn read(
    program: &Path,
    format: Format,
    content: &[u8],
    deadline: Duration,
) -> Result<ExtractionAnswer, ExtractionError> {
    let mut child = start(program, format).map_err(ExtractionError::Process)?;
    // Ended by whatever ends this function early, too: `kill_on_drop`.
    match timeout(deadline, converse(&mut child, content)).await {
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
        // A parser's last words quote what it could not read; that is not for the log.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Hands the document over, hears what is said and sees how the process ends.
async fn converse(child: &mut Child, content: &[u8]) -> Result<ExtractionAnswer, ExtractionError> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ExtractionError::Process(io::ErrorKind::BrokenPipe.into()));
    };
    let hand_over = async move {
        // Whoever ends before having read everything has a reason, which its end tells.
        let _ = input.write_all(content).await;
        // Dropped here: the end of the document.
    };
    let mut said = Vec::new();
    let mut output = output.take(LONGEST + 1);
    // At the same time: either pipe may be full.
    let ((), heard) = tokio::join!(hand_over, output.read_to_end(&mut said));
    heard.map_err(ExtractionError::Process)?;
    if said.len() as u64 > LONGEST {
        child.kill().await.map_err(ExtractionError::Process)?;
        return unreadable(reason::LENGTH);
    }
    let status = child.wait().await.map_err(ExtractionError::Process)?;
    match end::judge(status)? {
        Some(reason) => unreadable(reason),
        None => serde_json::from_slice(&said).map_err(ExtractionError::NoAnswer),
    }
}

fn unreadable(reason: &str) -> Result<ExtractionAnswer, ExtractionError> {
    Ok(ExtractionAnswer::Unreadable(reason.to_owned()))
}
