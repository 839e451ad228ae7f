//! What a command may reach, by Landlock: a rule of the kernel that no program inside can
//! lift again. <https://docs.kernel.org/userspace-api/landlock.html>
//!
//! - files: the system's, the working folder's, its own home's, and what was named;
//! - network: TCP to port 443 and named ports. The metadata services of EC2, ECS and EKS
//!   answer on port 80;
//! - processes: none outside, so the operator's environment cannot be read from `/proc`;
//!   for that, root gives up its capabilities, too.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::surroundings::{Surroundings, private_paths};

/// Where programs, libraries and the system's configuration lie.
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
    // What /etc/resolv.conf points at.
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

/// What a command is limited to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Limits {
    /// May be read and run.
    #[arg(long)]
    read: Vec<PathBuf>,
    /// May be written, too.
    #[arg(long)]
    write: Vec<PathBuf>,
    /// May be connected to.
    #[arg(long)]
    port: Vec<u16>,
}

/// Why a command is not confined, and so not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    /// The kernel has no Landlock, or not enough of it.
    #[error(
        "this kernel cannot confine the command (Linux 6.7 with Landlock can): run it there, or with \
         --no-sandbox, which leaves your own credentials within its reach"
    )]
    Unsupported,
    /// An opened path leads to the operator's own access.
    #[error("{opened} may not be opened to the command: {private} lies there; run it from another folder")]
    Private {
        /// What was to be opened.
        opened: String,
        /// What it would have shown.
        private: String,
    },
    /// The rules were not accepted.
    #[error("the sandbox was not entered")]
    #[cfg(target_os = "linux")]
    Rules(#[from] landlock::RulesetError),
    /// Root's capabilities were not given up.
    #[error("the capabilities were not given up")]
    #[cfg(target_os = "linux")]
    Capabilities(#[from] caps::errors::CapsError),
    /// The command could not be started.
    #[error(
        "{program} was not run: if it or something it needs lies outside the system's folders, open that \
         with --read"
    )]
    NotRun {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A path could not be looked at.
    #[error("{0} cannot be opened")]
    Path(String, #[source] io::Error),
}

impl Limits {
    /// Returns the limits of a command that runs here, may write here and to its home,
    /// and may read `also`.
    ///
    /// # Errors
    /// [`SandboxError::Private`] where that would open the operator's own access.
    pub(crate) fn around(surroundings: &Surroundings, also: Vec<PathBuf>) -> Result<Self, SandboxError> {
        let here = std::env::current_dir().map_err(|error| SandboxError::Path(".".to_owned(), error))?;
        let private: Vec<_> =
            private_paths().into_iter().filter_map(|path| path.canonicalize().ok()).collect();
        for opened in also.iter().chain([&here]) {
            refuse_private(opened, &private)?;
        }
        let home = surroundings.home().to_owned();
        Ok(Self { read: also, write: vec![here, home], port: vec![HTTPS] })
    }

    pub(crate) fn with_ports(mut self, ports: Vec<u16>) -> Self {
        self.port.extend(ports);
        self
    }
}

/// The home itself may not be opened, but folders in it may; files of access may not, nor
/// what lies below them.
fn refuse_private(opened: &Path, private: &[PathBuf]) -> Result<(), SandboxError> {
    let shown = opened.display().to_string();
    let real = opened.canonicalize().map_err(|error| SandboxError::Path(shown.clone(), error))?;
    match private.iter().find(|private| private.starts_with(&real)) {
        Some(private) => Err(SandboxError::Private { opened: shown, private: private.display().to_string() }),
        None => Ok(()),
    }
}

/// Returns the command that confines itself and then becomes `command`.
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

/// Confines this process and turns it into `command`; returns only where that failed.
pub(crate) fn become_confined(limits: &Limits, command: &[OsString]) -> SandboxError {
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
        // Where the kernel has it: no signals to, and no abstract sockets of, what is outside.
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
    // Root could still read other processes (CAP_PERFMON). Landlock has set
    // `no_new_privs`, so what is given up here does not come back with the command.
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn enter(_: &Limits) -> Result<(), SandboxError> {
    Err(SandboxError::Unsupported)
}

/// The port of an address such as `http://127.0.0.1:4566`.
pub(crate) fn port_of(endpoint: &str) -> Option<u16> {
    endpoint.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
}
