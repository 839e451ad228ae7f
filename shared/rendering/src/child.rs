//! The child process that checks or renders one prompt template.

use std::process::ExitCode;

use bulkhead_confinement::{Limits, answer};
use bulkhead_prompts::{Template, TemplateError};

use crate::{Answer, Part, Reads, Work};

/// The limits of the child. The function has twice as much memory: the kernel must stop the child before Lambda stops
/// the environment. The stack is the Linux default and holds any template that respects the limits for nesting.
const LIMITS: Limits = Limits { memory: 128 * 1024 * 1024, processor: 1, stack: 8 * 1024 * 1024 };

/// Reads the work from standard input and writes the answer to standard output. Enters the confinement before it reads
/// the first byte.
pub fn child() -> ExitCode {
    answer(&LIMITS, u64::MAX, |input| {
        let answer = match run(serde_json::from_slice(&input)?) {
            Ok(texts) => Answer::Texts(texts),
            Err((part, error)) => Answer::Refused(part, error.to_string()),
        };
        Ok(serde_json::to_vec(&answer)?)
    })
}

/// Returns the rendered texts, or the number of the first part that is refused and the reason.
fn run(work: Work) -> Result<Vec<String>, (usize, TemplateError)> {
    match work {
        Work::Check { parts } => {
            for (number, part) in parts.iter().enumerate() {
                check(part).map_err(|error| (number, error))?;
            }
            Ok(vec![])
        }
        Work::Render { parts, variables } => {
            let (mut texts, mut size) = (Vec::with_capacity(parts.len()), 0);
            for (number, source) in parts.iter().enumerate() {
                let rendered = Template::stored(source).and_then(|template| template.render(&variables));
                let text = rendered.map_err(|error| (number, error))?;
                size += text.len();
                if size > Template::MAX_RENDERED_BYTES {
                    return Err((number, TemplateError::OutputTooLong));
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }
}

fn check(Part { source, reads }: &Part) -> Result<(), TemplateError> {
    let template = Template::parse(source)?;
    match reads {
        Reads::All => Ok(()),
        Reads::Declared(declared) => template.reads_only(declared),
        Reads::Instruction(allowed) => template.instructs_only(allowed),
    }
}
