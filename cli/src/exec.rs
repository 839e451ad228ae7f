//! Runs a command in one tenant's session and records the run.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use bulkhead_operator::{Operator, OperatorError};
use bulkhead_tenancy::TenantId;
use serde_json::{Value, json};

use crate::ExecArguments;
use crate::environment::CommandEnvironment;
use crate::sandbox::{self, Limits};

/// Exit status if the command did not run, as for `env` and `timeout`.
pub(crate) const NOT_RUN: u8 = 125;

/// Runs the command and returns its exit status.
pub(crate) async fn exec(arguments: ExecArguments) -> Result<ExitCode, Box<dyn Error>> {
    let ExecArguments { target, read, environment, mut ports, no_sandbox, command } = arguments;
    let environment = CommandEnvironment::prepare(&environment)?;
    // Check all arguments before the first call to AWS.
    let limits = match no_sandbox {
        true => None,
        false => Some(Limits::around(&environment, read)?),
    };

    let operator = target.sign_in().await?;
    let recorded_command: Vec<_> = command.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let run = operator.begin_run(&target.tenant, &recorded_command, limits.is_some()).await?;
    let run_record = RunRecord { operator: &operator, tenant: &target.tenant, run: &run.run };
    eprintln!(
        "bulkhead: run {} in the session of tenant {}, valid for at most one hour{}",
        run.run,
        target.tenant,
        if limits.is_some() { "" } else { ". NO SANDBOX: the command can read your files and credentials" },
    );

    ports.extend(operator.endpoint().and_then(sandbox::port_of));
    let mut child = match limits {
        Some(limits) => sandbox::confined(&limits.with_ports(ports), &command)?,
        None => {
            let (program, arguments) = command.split_first().ok_or("no command")?;
            let mut plain = tokio::process::Command::new(program);
            plain.args(arguments);
            plain
        }
    };
    environment.apply(&mut child, &operator, &target.tenant, &run);
    let status = wait(child).await;
    let code = status.as_ref().map_or(i32::from(NOT_RUN), exit_code);
    run_record.end(code).await;
    status?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Waits for the command. Ignores Ctrl-C: the command receives it as well, and its exit
/// status must be recorded.
async fn wait(mut child: tokio::process::Command) -> std::io::Result<ExitStatus> {
    let mut running = child.spawn()?;
    loop {
        tokio::select! {
            exited = running.wait() => return exited,
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
    }
}

/// Returns the exit code as a shell does: 128 plus the number of a signal.
fn exit_code(status: &ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(i32::from(NOT_RUN))
}

/// The recorded run.
struct RunRecord<'a> {
    operator: &'a Operator,
    tenant: &'a TenantId,
    run: &'a str,
}

impl RunRecord<'_> {
    /// Records the exit status. On failure only warns, because the command has ended already;
    /// the run is then listed without an end.
    async fn end(&self, status: i32) {
        let request = json!({"action": "end_run", "tenant": self.tenant, "run": self.run, "status": status});
        let result: Result<Value, OperatorError> = self.operator.control(&request).await;
        if let Err(error) = result {
            eprintln!("bulkhead: cannot record the end of run {}: {error}", self.run);
        }
    }
}
