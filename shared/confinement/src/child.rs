//! The child process.

use std::io::{self, Read, Write, stdin, stdout};
use std::process::ExitCode;

use crate::{Limits, seccomp};

/// Exit status if the child could not enter the confinement. It has read nothing.
pub const NOT_CONFINED: u8 = 70;
/// Exit status if a pipe broke, or if the parent sent an invalid input.
pub const BROKEN_PIPE: u8 = 74;

/// Enters the confinement, reads at most `max_input` bytes from standard input and writes the result of `work` to
/// standard output. Call it first in `main`: it confines one thread.
pub fn answer(
    limits: &Limits,
    max_input: u64,
    work: impl FnOnce(Vec<u8>) -> io::Result<Vec<u8>>,
) -> ExitCode {
    if limits.apply().is_err() || seccomp::enter().is_err() {
        return ExitCode::from(NOT_CONFINED);
    }
    let mut input = Vec::new();
    let answered = stdin()
        .lock()
        .take(max_input)
        .read_to_end(&mut input)
        .and_then(|_| work(input))
        .and_then(|answer| stdout().lock().write_all(&answer));
    ExitCode::from(if answered.is_ok() { 0 } else { BROKEN_PIPE })
}
