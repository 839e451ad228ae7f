//! Starts the `extraction` function. As a child process, parses one document and exits.

use std::ffi::OsStr;
use std::process::ExitCode;

use extraction::{Extraction, ExtractionRequest, PARSE, Sources, start_logging};
use lambda_runtime::{LambdaEvent, service_fn};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // First, because the child needs no logging and no runtime.
    if arguments.next().as_deref() == Some(OsStr::new(PARSE)) {
        return extraction::child(arguments.map(|argument| argument.to_string_lossy().into_owned()));
    }
    start_logging();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "function start failed");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), lambda_runtime::Error> {
    let extraction = Extraction::of_this_program(Sources::from_variables(std::env::vars())?)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<ExtractionRequest>| extraction.handle(event.payload)))
        .await
}
