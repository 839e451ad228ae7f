//! The operator's command line.

mod exec;
mod sandbox;
mod surroundings;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use bulkhead_operator::{Deployment, Operator, OperatorError};
use bulkhead_tenancy::TenantId;
use clap::{Args, Parser, Subcommand};

/// Operates a Bulkhead deployment. Work in a tenant's data happens in that tenant's session.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command with one tenant's session, and nothing of your own credentials.
    Exec(ExecArguments),
    /// Show what was run in a tenant's sessions, the latest first.
    Runs {
        #[command(flatten)]
        place: Place,
    },
    /// Enter the sandbox and become a command. What `exec` starts; of no use by hand.
    #[command(hide = true)]
    Confined {
        #[command(flatten)]
        limits: sandbox::Limits,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

/// A tenant of a deployment.
#[derive(Debug, Args)]
struct Place {
    /// The tenant's id.
    #[arg(long, value_parser = tenant)]
    tenant: TenantId,
    /// The deployment, as its stack was given it.
    #[arg(long, env = "BULKHEAD_STAGE")]
    stage: String,
    /// The tenant's tier.
    #[arg(long, env = "BULKHEAD_TIER", default_value = "basic")]
    tier: String,
    /// The Region; otherwise your profile's.
    #[arg(long)]
    region: Option<String>,
}

#[derive(Debug, Args)]
struct ExecArguments {
    #[command(flatten)]
    place: Place,
    /// Let the command read (and run) what lies below this path, too.
    #[arg(long = "read", value_name = "PATH")]
    read: Vec<PathBuf>,
    /// Pass this environment variable on. Never one of AWS.
    #[arg(long = "env", value_name = "NAME")]
    environment: Vec<String>,
    /// Let the command connect to this TCP port, besides 443.
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<u16>,
    /// Do not confine the command: it could read your files and reach the metadata service.
    #[arg(long)]
    no_sandbox: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

fn tenant(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).map_err(|error| error.to_string())
}

impl Place {
    async fn sign_in(&self) -> Result<Operator, OperatorError> {
        let deployment = Deployment { stage: self.stage.clone(), tier: self.tier.clone() };
        Operator::sign_in(deployment, self.region.clone()).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Exec(arguments) => exec::exec(arguments).await,
        Command::Runs { place } => runs(place).await,
        Command::Confined { limits, command } => Err(sandbox::become_confined(&limits, &command).into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("bulkhead: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
        ExitCode::from(exec::NOT_RUN)
    })
}

async fn runs(place: Place) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let operator = place.sign_in().await?;
    let request = serde_json::json!({"action": "runs", "tenant": place.tenant});
    println!("{:#}", operator.control(&request).await?);
    Ok(ExitCode::SUCCESS)
}
