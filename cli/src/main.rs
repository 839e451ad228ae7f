//! The operators' command line.

mod environment;
mod exec;
#[cfg(target_os = "linux")]
mod namespaces;
mod private;
mod program;
mod sandbox;
mod signals;
#[cfg(target_os = "linux")]
mod system_calls;
mod terminal;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bulkhead_operator::{Deployment, Operator, OperatorError};
use bulkhead_tenancy::TenantId;
use clap::{Args, Parser, Subcommand};

/// Operates a Bulkhead deployment. Every command uses the session of one tenant.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command with one tenant's session and without your own credentials.
    Exec(ExecArguments),
    /// List the commands that operators ran in a tenant's session, latest first.
    Runs {
        #[command(flatten)]
        target: Target,
    },
    /// Enter the sandbox and execute a command. Internal: started by `exec`.
    #[command(hide = true)]
    Confined {
        #[command(flatten)]
        limits: sandbox::Limits,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Execute a command in its own namespaces. Internal: started by `exec`.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Namespaced {
        /// This process is the first of the process namespace.
        #[arg(long)]
        first: bool,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

/// A tenant of a deployment.
#[derive(Debug, Args)]
struct Target {
    /// Id of the tenant.
    #[arg(long, value_parser = tenant)]
    tenant: TenantId,
    /// Stage of the deployment: `prod` if its stack is `bulkhead-prod`.
    #[arg(long, env = "BULKHEAD_STAGE")]
    stage: String,
    /// Tier of the tenant.
    #[arg(long, env = "BULKHEAD_TIER", default_value = "basic")]
    tier: String,
    /// AWS Region. Default: the Region of your profile.
    #[arg(long)]
    region: Option<String>,
}

#[derive(Debug, Args)]
struct ExecArguments {
    #[command(flatten)]
    target: Target,
    /// Let the command read and execute files below this path.
    #[arg(long = "read", value_name = "PATH")]
    read: Vec<PathBuf>,
    /// Pass this environment variable to the command. `AWS_*` and `HOME` are rejected.
    #[arg(long = "env", value_name = "NAME")]
    environment: Vec<String>,
    /// Let the command connect to this TCP port in addition to 443.
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<u16>,
    /// Let the command use UDP. Needed if the network's name server does not answer over TCP.
    #[arg(long)]
    udp: bool,
    /// Run without a sandbox: the command can read your files and reach the metadata service.
    #[arg(long)]
    no_sandbox: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

fn tenant(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).map_err(|error| error.to_string())
}

impl Target {
    async fn sign_in(&self) -> Result<Operator, OperatorError> {
        let deployment = Deployment { stage: self.stage.clone(), tier: self.tier.clone() };
        Operator::sign_in(deployment, self.region.clone()).await
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        // Without a runtime: a process with several threads cannot create namespaces.
        Command::Confined { limits, command } => Err(confined(&limits, &command)),
        #[cfg(target_os = "linux")]
        Command::Namespaced { first, command } => {
            namespaces::run(first, &command).map(ExitCode::from).map_err(Into::into)
        }
        Command::Exec(arguments) => exec::exec(arguments),
        Command::Runs { target } => runs(target),
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

#[tokio::main(flavor = "current_thread")]
async fn runs(target: Target) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let operator = target.sign_in().await?;
    let request = serde_json::json!({"action": "runs", "tenant": target.tenant});
    match writeln!(io::stdout(), "{:#}", operator.control(&request).await?) {
        // The reader, such as `head`, has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Replaces this process with `command`, in the sandbox. Returns only on failure.
fn confined(limits: &sandbox::Limits, command: &[OsString]) -> Box<dyn std::error::Error> {
    let error = sandbox::exec_confined(limits, command);
    match command.first() {
        Some(program) => program::explain(program, error),
        None => error.into(),
    }
}
