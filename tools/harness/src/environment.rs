//! One execution environment: a process that serves one tenant for its whole life.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::Pid;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::config::FunctionConfig;
use crate::handover::Handover;
use crate::process::Process;
use crate::runtime_api;
use crate::{launcher, server};

/// Lambda's limit for the init phase.
pub(crate) const INIT_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// The settings of a new environment.
pub(crate) struct Settings<'a> {
    pub(crate) function: &'a str,
    pub(crate) config: &'a FunctionConfig,
    pub(crate) region: &'a str,
    pub(crate) logs: &'a Path,
    pub(crate) number: u64,
}

/// An environment, busy or idle.
pub(crate) struct Environment {
    pub(crate) number: u64,
    /// The tenant; `None` without tenant isolation.
    pub(crate) tenant: Option<String>,
    pub(crate) handover: Arc<Handover>,
    pub(crate) process: Arc<Process>,
    pub(crate) log: PathBuf,
    exit: watch::Sender<Option<String>>,
}

impl Environment {
    /// Starts a process for `tenant`, and returns it with its supervisor.
    pub(crate) fn start(
        settings: &Settings<'_>,
        tenant: Option<&str>,
    ) -> io::Result<(Arc<Self>, Supervisor)> {
        let listener = server::listen(0)?;
        let runtime_api = listener.local_addr()?.to_string();
        // Renamed below, because the name contains the process id.
        let unnamed = settings.logs.join(format!("{}-{}.starting", settings.function, settings.number));
        let log = File::create(&unnamed)?;
        let mut command = launcher::command(&settings.config.bootstrap)?;
        command.envs(variables(settings, &runtime_api)).stdin(std::process::Stdio::null());
        if let Some(root) = settings.config.bootstrap.parent() {
            command.current_dir(root);
        }
        command.stdout(log.try_clone()?).stderr(log);
        let child = Command::from(command).kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the process has no id"))?;
        let log = settings.logs.join(format!(
            "{}-{}-{}.log",
            settings.function,
            tenant.map_or_else(|| "shared".to_owned(), file_name),
            pid.as_raw_nonzero()
        ));
        std::fs::rename(unnamed, &log)?;
        let environment = Arc::new(Self {
            number: settings.number,
            tenant: tenant.map(str::to_owned),
            handover: Arc::default(),
            process: Arc::new(Process::new(pid)),
            log,
            exit: watch::Sender::new(None),
        });
        let supervisor = Supervisor { environment: Arc::clone(&environment), child, listener };
        Ok((environment, supervisor))
    }

    /// Returns how the process exited, or `None` while it runs.
    pub(crate) fn exit(&self) -> Option<String> {
        self.exit.borrow().clone()
    }

    /// Waits until the process exits, and returns how it exited.
    pub(crate) async fn exited(&self) -> String {
        let mut exit = self.exit.subscribe();
        // Cannot fail, because `self` owns the sender.
        let _ = exit.wait_for(Option::is_some).await;
        self.exit().unwrap_or_default()
    }
}

/// Supervises an environment's process.
pub(crate) struct Supervisor {
    environment: Arc<Environment>,
    child: Child,
    listener: TcpListener,
}

impl Supervisor {
    /// Serves the Runtime API until the process exits.
    pub(crate) async fn run(mut self) {
        let Environment { handover, process, .. } = &*self.environment;
        let (handover, process) = (Arc::clone(handover), Arc::clone(process));
        let served = server::serve(self.listener, move |request| {
            runtime_api::answer(Arc::clone(&handover), Arc::clone(&process), request)
        });
        let status = tokio::select! {
            () = served => return,
            status = self.child.wait() => status,
        };
        self.environment.process.mark_reaped();
        let exit = match status {
            Ok(status) => crate::exit::describe(status),
            Err(error) => format!("exited with unknown status: {error}"),
        };
        self.environment.exit.send_replace(Some(exit));
    }
}

/// Returns a tenant id as part of a file name. Lambda allows slashes in ids.
fn file_name(tenant: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    tenant.chars().take(100).map(plain).collect()
}

/// Returns all environment variables of a process: Lambda's and the function's, none of the
/// harness. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn variables(settings: &Settings<'_>, runtime_api: &str) -> Vec<(String, String)> {
    let config = settings.config;
    let memory = config.memory_size.to_string();
    let root = config.bootstrap.parent().unwrap_or(Path::new("/var/task")).display().to_string();
    let group = format!("/aws/lambda/{}", settings.function);
    let stream = format!("{}[$LATEST]{:032x}", settings.function, settings.number);
    let lambdas = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", settings.function),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
        ("AWS_REGION", settings.region),
        ("AWS_DEFAULT_REGION", settings.region),
        ("AWS_ACCESS_KEY_ID", &config.credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &config.credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", &config.credentials.session_token),
        ("LAMBDA_TASK_ROOT", &root),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("_HANDLER", "bootstrap"),
        ("TZ", ":UTC"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ];
    let own = config.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    let lambdas = lambdas.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    // Lambda's variables override the function's, as on AWS, where most names are reserved.
    own.chain(lambdas).collect()
}
