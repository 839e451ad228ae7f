//! The sandbox of a command, built on Landlock. The command cannot leave it again.
//! <https://docs.kernel.org/userspace-api/landlock.html>
//!
//! - files: system folders, the working directory, the command's home and paths given with
//!   `--read`;
//! - network: TCP to port 443 and ports given with `--port`. The metadata services of EC2, ECS
//!   and EKS answer on port 80, so the command cannot reach them;
//! - processes: no access to other processes, so `/proc` does not show the operator's
//!   environment. Root drops its capabilities for this.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::environment::{CommandEnvironment, private_paths};

/// Folders of programs, libraries and system configuration.
const SYSTEM: [&str; 12] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/nix",
    "/proc",
    "/sys",
    // The target of /etc/resolv.conf.
    "/run/systemd/resolve",
];
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/pts",
    "/dev/ptmx",
];
const HTTPS: u16 = 443;

/// The files and ports that a command can access.
#[derive(Debug, Clone, Args)]
pub(crate) struct Limits {
    /// Paths to read and execute.
    #[arg(long)]
    read: Vec<PathBuf>,
    /// Paths to read, execute and write.
    #[arg(long)]
    write: Vec<PathBuf>,
    /// TCP ports to connect to.
    #[arg(long)]
    port: Vec<u16>,
}

/// Why the sandbox could not be set up. The command does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    /// The kernel does not support the needed Landlock rules.
    #[error(
        "this kernel does not support the sandbox (Linux 6.7 with Landlock does); use another system, \
         or `--no-sandbox`, which lets the command read your credentials"
    )]
    Unsupported,
    /// A path would expose the operator's credentials.
    #[error(
        "`{opened}` may not be opened to the command, because it exposes `{private}`; use another folder"
    )]
    Private {
        /// The requested path.
        opened: String,
        /// The exposed path.
        private: String,
    },
    /// The kernel rejected the rules.
    #[error("cannot enter the sandbox")]
    #[cfg(target_os = "linux")]
    Rules(#[from] landlock::RulesetError),
    /// Root's capabilities could not be dropped.
    #[error("cannot drop the capabilities of root")]
    #[cfg(target_os = "linux")]
    Capabilities(#[from] caps::errors::CapsError),
    /// The command did not start.
    #[error(
        "cannot run `{program}`; if the program or one of its files is outside the system folders, add \
         its folder with `--read`"
    )]
    NotRun {
        /// The program.
        program: String,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// A path could not be resolved.
    #[error("cannot open `{0}`")]
    Path(String, #[source] io::Error),
}

impl Limits {
    /// Returns the limits of a command that may write to the working directory and its home,
    /// and may read `also`.
    ///
    /// # Errors
    /// [`SandboxError::Private`] if a path would expose the operator's credentials.
    pub(crate) fn around(environment: &CommandEnvironment, also: Vec<PathBuf>) -> Result<Self, SandboxError> {
        let here = std::env::current_dir().map_err(|error| SandboxError::Path(".".to_owned(), error))?;
        let private: Vec<_> =
            private_paths().into_iter().filter_map(|path| path.canonicalize().ok()).collect();
        for opened in also.iter().chain([&here]) {
            refuse_private(opened, &private)?;
        }
        let home = environment.home().to_owned();
        Ok(Self { read: also, write: vec![here, home], port: vec![HTTPS] })
    }

    pub(crate) fn with_ports(mut self, ports: Vec<u16>) -> Self {
        self.port.extend(ports);
        self
    }
}

/// Fails if `opened` is a private path or contains one. Folders within the home are allowed.
fn refuse_private(opened: &Path, private: &[PathBuf]) -> Result<(), SandboxError> {
    let shown = opened.display().to_string();
    let real = opened.canonicalize().map_err(|error| SandboxError::Path(shown.clone(), error))?;
    match private.iter().find(|private| private.starts_with(&real)) {
        Some(private) => Err(SandboxError::Private { opened: shown, private: private.display().to_string() }),
        None => Ok(()),
    }
}

/// Returns this program as a process that enters the sandbox and then executes `command`.
pub(crate) fn confined(
    limits: &Limits,
    command: &[OsString],
) -> Result<tokio::process::Command, SandboxError> {
    let own = std::env::current_exe().map_err(|error| SandboxError::Path("bulkhead".to_owned(), error))?;
    let mut confined = tokio::process::Command::new(own);
    confined.arg("confined");
    for (option, paths) in [("--read", &limits.read), ("--write", &limits.write)] {
        for path in paths {
            confined.arg(option).arg(path);
        }
    }
    for port in &limits.port {
        confined.arg("--port").arg(port.to_string());
    }
    confined.arg("--").args(command);
    Ok(confined)
}

/// Enters the sandbox and replaces this process with `command`. Returns only on failure.
pub(crate) fn exec_confined(limits: &Limits, command: &[OsString]) -> SandboxError {
    if let Err(error) = enter(limits) {
        return error;
    }
    let Some((program, arguments)) = command.split_first() else { return SandboxError::Unsupported };
    let source = std::process::Command::new(program).args(arguments).exec();
    SandboxError::NotRun { program: program.to_string_lossy().into_owned(), source }
}

#[cfg(target_os = "linux")]
fn enter(limits: &Limits) -> Result<(), SandboxError> {
    use caps::CapSet;
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
    };
    let abi = ABI::V4;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::ConnectTcp))
        .map_err(|_| SandboxError::Unsupported)?
        // If the kernel supports it: no signals to other processes, no abstract sockets.
        .set_compatibility(CompatLevel::BestEffort)
        .scope(Scope::from_all(ABI::V6))?;
    let mut rules = rules
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::from_read(abi) | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&limits.read, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&limits.write, AccessFs::from_all(abi)))?;
    for port in &limits.port {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    if rules.restrict_self()?.ruleset == RulesetStatus::NotEnforced {
        return Err(SandboxError::Unsupported);
    }
    // Root could still read other processes (CAP_PERFMON). Landlock has set `no_new_privs`,
    // so the command cannot regain the dropped capabilities.
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn enter(_: &Limits) -> Result<(), SandboxError> {
    Err(SandboxError::Unsupported)
}

/// Returns the port of an endpoint such as `http://127.0.0.1:4566`.
pub(crate) fn port_of(endpoint: &str) -> Option<u16> {
    endpoint.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
}
