//! One command in one tenant's session, recorded.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use bulkhead_operator::{Operator, OperatorError};
use bulkhead_tenancy::{OperatorAuthority, TenantId};
use serde_json::{Value, json};

use crate::ExecArguments;
use crate::sandbox::{self, Limits};
use crate::surroundings::Surroundings;

/// The exit status when the command was not run, as `env` and `timeout` use it.
pub(crate) const NOT_RUN: u8 = 125;

/// Runs the command and returns its own exit status.
pub(crate) async fn exec(arguments: ExecArguments) -> Result<ExitCode, Box<dyn Error>> {
    let ExecArguments { place, read, environment, mut ports, no_sandbox, command } = arguments;
    let surroundings = Surroundings::prepare(&environment)?;
    // Everything that can be refused is, before anything is asked of AWS.
    let limits = match no_sandbox {
        true => None,
        false => Some(Limits::around(&surroundings, read)?),
    };

    let operator = place.sign_in().await?;
    let begun = operator
        .control(&json!({
            "action": "begin_run",
            "tenant": place.tenant,
            "operator": operator.identity(),
            "command": command.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>(),
            "sandboxed": limits.is_some(),
        }))
        .await?;
    let run = begun.get("run").and_then(Value::as_str).unwrap_or_default().to_owned();
    let ended = Ended { operator: &operator, tenant: &place.tenant, run: &run };
    let session = match operator.session(place.tenant.clone(), &OperatorAuthority::ambient()).await {
        Ok(session) => session,
        Err(error) => {
            ended.record(i32::from(NOT_RUN)).await;
            return Err(error.into());
        }
    };
    eprintln!(
        "bulkhead: run {run} in the session of tenant {}; it ends within the hour{}",
        place.tenant,
        if limits.is_some() { "" } else { ". NOT confined: your own files and credentials are within reach" },
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
    surroundings.apply(&mut child, &operator, &session, &place.tenant, &begun);
    let status = wait(child).await;
    let code = status.as_ref().map_or(i32::from(NOT_RUN), exit_code);
    ended.record(code).await;
    status?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Waits for the command. Ctrl-C is for the command to act on: it gets it, too, and how
/// it ends has to be recorded.
async fn wait(mut child: tokio::process::Command) -> std::io::Result<ExitStatus> {
    let mut running = child.spawn()?;
    loop {
        tokio::select! {
            ended = running.wait() => return ended,
            heard = tokio::signal::ctrl_c() => heard?,
        }
    }
}

/// As a shell tells it: a signal is 128 and its number.
fn exit_code(status: &ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(i32::from(NOT_RUN))
}

struct Ended<'a> {
    operator: &'a Operator,
    tenant: &'a TenantId,
    run: &'a str,
}

impl Ended<'_> {
    /// The run is over either way; without this record it shows as one that never ended.
    async fn record(&self, status: i32) {
        let request = json!({"action": "end_run", "tenant": self.tenant, "run": self.run, "status": status});
        let told: Result<Value, OperatorError> = self.operator.control(&request).await;
        if let Err(error) = told {
            eprintln!("bulkhead: the end of run {} was not recorded: {error}", self.run);
        }
    }
}
