//! A second implementation of Lambda, independent of the emulator: one process per tenant,
//! frozen between invocations, killed on a test's request.
//!
//! ```text
//! bulkhead-harness serve CONFIG.json     # prints `seed N` and `ready http://127.0.0.1:PORT`
//! ```
//!
//! The README of this crate lists the guarantees.

mod body;
mod chaos;
mod config;
mod environment;
mod exit;
mod function;
mod handover;
mod harness;
mod invocation;
mod invoke_api;
mod launcher;
mod lock;
mod process;
mod refusal;
mod runtime_api;
mod server;
mod status;

use std::error::Error;
use std::ffi::OsString;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use config::Config;
use harness::Harness;

const USAGE: &str = "usage: bulkhead-harness serve CONFIG.json";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [command, config] if command == "serve" => serve(Config::read(config.as_ref())?),
        [command, parent, bootstrap] if command == launcher::COMMAND => {
            Err(launcher::become_bootstrap(parent, bootstrap).into())
        }
        _ => Err(USAGE.into()),
    }
}

/// Serves until SIGTERM or SIGINT, then ends every environment.
///
/// On one thread: nothing here computes, and so no signal can reach a process id between
/// the moment it is free again and the moment we know (see `environment`).
#[tokio::main(flavor = "current_thread")]
async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let listener = server::listen(config.port)?;
    let address = listener.local_addr()?;
    let harness = Arc::new(Harness::new(config)?);
    println!("seed {}", harness.chaos.seed());
    println!("ready http://{address}");
    let api = Arc::clone(&harness);
    tokio::select! {
        () = server::serve(listener, move |request| invoke_api::answer(Arc::clone(&api), request)) => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    harness.kill_all();
    Ok(())
}
