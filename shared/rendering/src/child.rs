//! The child process that checks or renders one prompt template.

use std::process::ExitCode;

use bulkhead_confinement::{Limits, answer};
use bulkhead_prompts::{Template, TemplateError};

use crate::{Answer, Work};

/// The limits of the child. The function has twice as much memory: the kernel must stop the child before Lambda stops
/// the environment. The stack is the Linux default and holds any template that respects the limits for nesting.
const LIMITS: Limits = Limits { memory: 128 * 1024 * 1024, processor: 1, stack: 8 * 1024 * 1024 };

/// Reads the work from standard input and writes the answer to standard output. Enters the confinement before it reads
/// the first byte.
pub fn child() -> ExitCode {
    answer(&LIMITS, u64::MAX, |input| {
        let answer = match run(serde_json::from_slice(&input)?) {
            Ok(text) => Answer::Text(text),
            Err(error) => Answer::Refused(error.to_string()),
        };
        Ok(serde_json::to_vec(&answer)?)
    })
}

fn run(work: Work) -> Result<String, TemplateError> {
    match work {
        Work::Check { source, declared } => {
            let template = Template::parse(&source)?;
            declared.map_or(Ok(()), |declared| template.reads_only(&declared))?;
            Ok(String::new())
        }
        Work::Render { source, variables } => Template::stored(&source)?.render(&variables),
    }
}
