//! Runs a command in one tenant's session and records the run.

use std::error::Error;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use bulkhead_operator::{Operator, OperatorError};
use bulkhead_tenancy::TenantId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::ExecArguments;
use crate::environment::CommandEnvironment;
use crate::sandbox::{self, Limits};
use crate::signals::{Signals, send};
use crate::terminal::Streams;

/// Exit status if the command did not run, as for `env` and `timeout`.
pub(crate) const NOT_RUN: u8 = 125;

/// Runs the command and returns its exit status.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn exec(arguments: ExecArguments) -> Result<ExitCode, Box<dyn Error>> {
    let ExecArguments { target, read, environment, mut ports, udp, no_sandbox, command } = arguments;
    let environment = CommandEnvironment::prepare(&environment, udp || no_sandbox)?;
    // Check all arguments before the first call to AWS.
    let limits = match no_sandbox {
        true => None,
        false => Some(Limits::around(&environment, read)?.with_namespaces()),
    };

    let operator = target.sign_in().await?;
    let recorded_command: Vec<_> = command.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let run = operator.begin_run(&target.tenant, &recorded_command, limits.is_some()).await?;
    let run_record = RunRecord { operator: &operator, tenant: &target.tenant, run: &run.run };
    eprintln!(
        "bulkhead: run {} in the session of tenant {}, valid for at most one hour{}",
        run.run,
        target.tenant,
        match &limits {
            Some(limits) if limits.has_namespaces() => "",
            Some(_) => ". No process namespace on this system: the command cannot read most of /proc",
            None => ". NO SANDBOX: the command can read your files and credentials",
        },
    );

    ports.extend(operator.endpoint().and_then(sandbox::port_of));
    let status = match limits {
        Some(limits) => {
            let limits = limits.with_network(ports, udp).with_terminal(Streams::would_have_terminal());
            let mut child = sandbox::confined(&limits, &command)?;
            environment.apply(&mut child, &operator, &target.tenant, &run);
            run_confined(child).await
        }
        None => {
            let (program, arguments) = command.split_first().ok_or("no command")?;
            let mut child = tokio::process::Command::new(program);
            child.args(arguments);
            environment.apply(&mut child, &operator, &target.tenant, &run);
            run_unconfined(child).await
        }
    };
    let code = status.as_ref().map_or(i32::from(NOT_RUN), exit_code);
    run_record.end(code).await;
    status?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Runs a command with its own session and terminal, and forwards signals to it.
async fn run_confined(mut child: Command) -> io::Result<ExitStatus> {
    let mut signals = Signals::listen()?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    let streams = Streams::attach(&mut child)?;
    let mut running = child.kill_on_drop(true).spawn()?;
    let process = process(&running);
    // Its copies of the command's streams.
    drop(child);
    let relay = streams.relay()?;
    loop {
        tokio::select! {
            exited = running.wait() => return exited,
            signal = signals.next() => process.into_iter().for_each(|process| send(process, signal)),
            _ = resized.recv() => relay.resize(),
            _ = continued.recv() => relay.resume(),
        }
    }
}

/// Runs a command in the operator's session. The terminal sends Ctrl-C to the command as well, whose exit status must
/// be recorded.
async fn run_unconfined(mut child: Command) -> io::Result<ExitStatus> {
    let mut signals = Signals::listen()?;
    let mut running = child.spawn()?;
    let process = process(&running);
    loop {
        tokio::select! {
            exited = running.wait() => return exited,
            signal = signals.next() => {
                if let (Some(process), Signal::TERM | Signal::HUP) = (process, signal) {
                    let _ = kill_process(process, signal);
                }
            }
        }
    }
}

/// Returns the id of a process that has not ended.
fn process(running: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(running.id()?).ok()?)
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
