//! The child process that checks or renders one prompt template.

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

use bulkhead_prompts::{Template, TemplateError};

use crate::{Answer, BROKEN_PIPE, LIMITS_FAILED, Work, limits};

/// Reads the work from standard input and writes the answer to standard output. Applies the limits before it reads the
/// first byte.
pub fn child() -> ExitCode {
    if limits::apply().is_err() {
        return ExitCode::from(LIMITS_FAILED);
    }
    let mut input = Vec::new();
    if stdin().lock().read_to_end(&mut input).is_err() {
        return ExitCode::from(BROKEN_PIPE);
    }
    let Ok(work) = serde_json::from_slice(&input) else { return ExitCode::from(BROKEN_PIPE) };
    let answer = match run(work) {
        Ok(text) => Answer::Text(text),
        Err(error) => Answer::Refused(error.to_string()),
    };
    let written = serde_json::to_vec(&answer)
        .map_err(std::io::Error::from)
        .and_then(|answer| stdout().lock().write_all(&answer));
    ExitCode::from(if written.is_ok() { 0 } else { BROKEN_PIPE })
}

fn run(work: Work) -> Result<String, TemplateError> {
    match work {
        Work::Check { source } => Template::parse(&source).map(|_| String::new()),
        Work::Render { source, variables } => Template::stored(&source)?.render(&variables),
    }
}
