//! One execution environment: a process that serves one tenant for its whole life.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::config::FunctionConfig;
use crate::desk::Desk;
use crate::lock::held;
use crate::runtime_api;
use crate::{launcher, server};

/// Lambda's limit for a runtime's start.
pub(crate) const INIT_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Where an environment is to run.
pub(crate) struct Place<'a> {
    pub(crate) function: &'a str,
    pub(crate) config: &'a FunctionConfig,
    pub(crate) region: &'a str,
    pub(crate) logs: &'a Path,
    pub(crate) number: u64,
}

/// A process to which signals can be sent for as long as it is ours.
pub(crate) struct Process {
    pid: i32,
    /// Cleared in the same step in which the process's end is collected. There is one
    /// thread, so no signal comes between the two and reaches a stranger that was given
    /// the number.
    living: Mutex<Option<Pid>>,
}

impl Process {
    fn signal(&self, signal: Signal) -> bool {
        let living = held(&self.living);
        living.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it, frozen or not; false if it was gone already.
    pub(crate) fn kill(&self) -> bool {
        self.signal(Signal::KILL)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }
}

/// An environment, busy or idle.
pub(crate) struct Environment {
    pub(crate) number: u64,
    /// Whose it is; none with tenant isolation off.
    pub(crate) tenant: Option<String>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) process: Arc<Process>,
    pub(crate) log: PathBuf,
    ending: watch::Sender<Option<String>>,
}

impl Environment {
    /// Starts a process for `tenant`; the second value ends with the process.
    pub(crate) fn start(place: &Place<'_>, tenant: Option<&str>) -> io::Result<(Arc<Self>, Warden)> {
        let listener = server::listen(0)?;
        let runtime_api = listener.local_addr()?.to_string();
        // Its name has the process id, which is not known yet.
        let unnamed = place.logs.join(format!("{}-{}.starting", place.function, place.number));
        let log = File::create(&unnamed)?;
        let mut command = launcher::command(&place.config.bootstrap)?;
        command.envs(variables(place, &runtime_api)).stdin(std::process::Stdio::null());
        if let Some(root) = place.config.bootstrap.parent() {
            command.current_dir(root);
        }
        command.stdout(log.try_clone()?).stderr(log);
        let child = Command::from(command).kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the process has no id"))?;
        let log = place.logs.join(format!(
            "{}-{}-{}.log",
            place.function,
            tenant.map_or_else(|| "shared".to_owned(), file_name),
            pid.as_raw_nonzero()
        ));
        std::fs::rename(unnamed, &log)?;
        let environment = Arc::new(Self {
            number: place.number,
            tenant: tenant.map(str::to_owned),
            desk: Arc::default(),
            process: Arc::new(Process { pid: pid.as_raw_nonzero().get(), living: Mutex::new(Some(pid)) }),
            log,
            ending: watch::Sender::new(None),
        });
        let warden = Warden { environment: Arc::clone(&environment), child, listener };
        Ok((environment, warden))
    }

    /// How its process ended, if it has.
    pub(crate) fn ending(&self) -> Option<String> {
        self.ending.borrow().clone()
    }

    /// Waits for its process's end, and says how it came.
    pub(crate) async fn ended(&self) -> String {
        let mut ending = self.ending.subscribe();
        // It cannot fail: the sender is a part of `self`.
        let _ = ending.wait_for(Option::is_some).await;
        self.ending().unwrap_or_default()
    }
}

/// Waits beside an environment until its process ends.
pub(crate) struct Warden {
    environment: Arc<Environment>,
    child: Child,
    listener: TcpListener,
}

impl Warden {
    /// Serves the process's Runtime API until it ends.
    pub(crate) async fn watch(mut self) {
        let Environment { desk, process, .. } = &*self.environment;
        let (desk, process) = (Arc::clone(desk), Arc::clone(process));
        let served = server::serve(self.listener, move |request| {
            runtime_api::answer(Arc::clone(&desk), Arc::clone(&process), request)
        });
        let status = tokio::select! {
            () = served => return,
            status = self.child.wait() => status,
        };
        *held(&self.environment.process.living) = None;
        let how = match status {
            Ok(status) => crate::ending::describe(status),
            Err(error) => format!("exited unobserved: {error}"),
        };
        self.environment.ending.send_replace(Some(how));
    }
}

/// A tenant id as a part of a file name: ids may hold slashes.
fn file_name(tenant: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    tenant.chars().take(100).map(plain).collect()
}

/// All that a process finds in its environment: Lambda's variables and the function's,
/// nothing of ours. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn variables(place: &Place<'_>, runtime_api: &str) -> Vec<(String, String)> {
    let config = place.config;
    let memory = config.memory_size.to_string();
    let root = config.bootstrap.parent().unwrap_or(Path::new("/var/task")).display().to_string();
    let group = format!("/aws/lambda/{}", place.function);
    let stream = format!("{}[$LATEST]{:032x}", place.function, place.number);
    let lambdas = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", place.function),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
        ("AWS_REGION", place.region),
        ("AWS_DEFAULT_REGION", place.region),
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
    // Lambda's come last: most of these names are reserved, and none of them is ours to bend.
    own.chain(lambdas).collect()
}
