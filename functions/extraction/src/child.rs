//! The child process that parses one document.

use std::io;
use std::process::ExitCode;

use bulkhead_confinement::{Limits, answer};
use bulkhead_documents::{MAX_BYTES, Options, extract_page};

use crate::parent::ChildAnswer;

/// The limits of the child. The function has more memory: the parent holds one page of passages, and the kernel must
/// stop the child before Lambda stops the environment. The stack is the Linux default.
const LIMITS: Limits = Limits { memory: 1024 * 1024 * 1024, processor: 20, stack: 8 * 1024 * 1024 };

/// The argument for [`Options::keep_boilerplate`].
const KEEP_BOILERPLATE: &str = "keep-boilerplate";
/// The argument for the default options.
const PLAIN: &str = "plain";

/// Returns `options` as an argument of the child.
pub(crate) fn written(options: Options) -> &'static str {
    let Options { keep_boilerplate } = options;
    if keep_boilerplate { KEEP_BOILERPLATE } else { PLAIN }
}

/// Parses one document from standard input and writes a page of its passages to standard output, as JSON. Enters the
/// confinement before it reads the first byte.
///
/// The arguments are the content type, `plain` or `keep-boilerplate` (default: `plain`), and the number of the first
/// passage (default: 0).
pub fn child(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let content_type = arguments.next().unwrap_or_default();
    let options = Options { keep_boilerplate: arguments.next().as_deref() == Some(KEEP_BOILERPLATE) };
    let first = arguments.next().and_then(|first| first.parse().ok()).unwrap_or_default();
    // One byte over the maximum shows that the document is too large.
    answer(&LIMITS, MAX_BYTES as u64 + 1, |bytes| {
        let answer = match extract_page(bytes, &content_type, options, first) {
            Ok(page) => ChildAnswer::Page(page),
            Err(error) => ChildAnswer::Unreadable(error.to_string()),
        };
        serde_json::to_vec(&answer).map_err(io::Error::from)
    })
}
