//! Starts the `inference` function. As a child process, renders one prompt template and exits.

use std::ffi::OsStr;
use std::process::ExitCode;

use bulkhead_rendering::{RENDER, Renderer, child};
use bulkhead_runtime::{TenantFunction, config, http::serve, start_logging};
use bulkhead_stores::Platform;

fn main() -> ExitCode {
    // First, because the child needs no logging and no runtime.
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(RENDER)) {
        return child();
    }
    start_logging();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "function start failed");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn start() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let platform = Platform::from_env()?;
    let (offer, renderer) = (config::models()?, Renderer::of_this_program()?);
    let budgets = config::budgets(offer.catalogue())?;
    let api = inference::InferenceApi::new(offer, renderer, config::embeddings()?, budgets);
    serve(TenantFunction::from_env(&platform)?, api).await
}
