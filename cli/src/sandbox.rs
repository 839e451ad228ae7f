//! The sandbox of a command. The command cannot leave it again.
//!
//! - session: its own, without the operator's terminal and without inherited descriptors ([`crate::terminal`]);
//! - processes: its own namespace where the system permits one ([`crate::namespaces`]). Otherwise `/proc` is closed;
//! - files: system folders, the working directory, the command's home and paths given with `--read`;
//! - network: TCP to ports 443 and 53 and to ports given with `--port`. The metadata services of EC2, ECS and EKS answer
//!   on port 80, so the command cannot reach them;
//! - system calls: none that evade these rules ([`crate::system_calls`]).
//!
//! Files, ports, signals: Landlock. <https://docs.kernel.org/userspace-api/landlock.html>

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use clap::Args;

use crate::environment::CommandEnvironment;
use crate::private::PrivatePaths;

/// Folders of programs, libraries and system configuration.
const SYSTEM: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/nix",
    "/sys",
    // The target of /etc/resolv.conf.
    "/run/systemd/resolve",
];
/// Without `/dev/pts`: the operator's terminals are there.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];
/// The `/proc` of a process namespace, which shows only the command's processes.
const OWN_PROCESSES: [&str; 1] = ["/proc"];
/// What a command can read of a `/proc` that shows all processes: the system, and the command itself, but not its child
/// processes. A rule for a folder cannot exclude other processes.
const SHARED_PROCESSES: [&str; 9] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
];
const HTTPS: u16 = 443;
/// Name resolution over TCP, because UDP is refused.
const DNS: u16 = 53;

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
    /// Allow UDP.
    #[arg(long)]
    udp: bool,
    /// Standard input is a terminal for the command.
    #[arg(long)]
    terminal: bool,
    /// The command runs in its own process namespace.
    #[arg(long)]
    namespaces: bool,
}

/// Why the sandbox could not be set up. The command does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    /// The kernel does not support the needed Landlock rules.
    #[error(
        "this kernel does not support the sandbox (Linux 6.12 with Landlock does, and Linux 6.7 with user \
         namespaces); use another system, or `--no-sandbox`, which lets the command read your credentials"
    )]
    Unsupported,
    /// A path would expose the operator's credentials.
    #[error("`{opened}` may not be opened to the command, because it exposes `{private}`; {advice}")]
    Private {
        /// The requested path.
        opened: String,
        /// The exposed path.
        private: String,
        /// What to do.
        advice: &'static str,
    },
    /// The command could not leave the operator's session.
    #[error("cannot give the command its own session")]
    Session(#[source] io::Error),
    /// The kernel rejected the filter of system calls.
    #[error("cannot filter the command's system calls")]
    #[cfg(target_os = "linux")]
    SystemCalls(#[from] bulkhead_confinement::seccomp::Error),
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
        let private = PrivatePaths::of_the_operator();
        for opened in also.iter().chain([&here]) {
            private.refuse(opened)?;
        }
        private.refuse_in_system(&SYSTEM)?;
        let home = environment.home().to_owned();
        let port = vec![HTTPS, DNS];
        Ok(Self { read: also, write: vec![here, home], port, udp: false, terminal: false, namespaces: false })
    }

    pub(crate) fn with_network(mut self, ports: Vec<u16>, udp: bool) -> Self {
        self.port.extend(ports);
        self.udp = udp;
        self
    }

    /// Gives the command a terminal, or none.
    pub(crate) fn with_terminal(mut self, terminal: bool) -> Self {
        self.terminal = terminal;
        self
    }

    /// Gives the command its own process namespace if the system permits one.
    pub(crate) fn with_namespaces(mut self) -> Self {
        #[cfg(target_os = "linux")]
        {
            self.namespaces = crate::namespaces::available();
        }
        self
    }

    /// Returns whether the command gets its own process namespace.
    pub(crate) fn has_namespaces(&self) -> bool {
        self.namespaces
    }
}

/// Returns this program as a process that enters the sandbox and then executes `command`.
pub(crate) fn confined(
    limits: &Limits,
    command: &[OsString],
) -> Result<tokio::process::Command, SandboxError> {
    let own = std::env::current_exe().map_err(|error| SandboxError::Path("bulkhead".to_owned(), error))?;
    let mut confined = tokio::process::Command::new(&own);
    #[cfg(target_os = "linux")]
    if limits.namespaces {
        // In the background of the operator's session, so that Ctrl-C reaches the command only once.
        confined.args([crate::namespaces::SUBCOMMAND, "--"]).arg(&own).process_group(0);
    }
    confined.arg("confined");
    for (option, paths) in [("--read", &limits.read), ("--write", &limits.write)] {
        for path in paths {
            confined.arg(option).arg(path);
        }
    }
    for port in &limits.port {
        confined.arg("--port").arg(port.to_string());
    }
    let flags = [("--udp", limits.udp), ("--terminal", limits.terminal), ("--namespaces", limits.namespaces)];
    for (option, set) in flags {
        if set {
            confined.arg(option);
        }
    }
    confined.arg("--").args(command);
    Ok(confined)
}

/// Enters the sandbox and replaces this process with `command`. Returns only on failure.
pub(crate) fn exec_confined(limits: &Limits, command: &[OsString]) -> SandboxError {
    if let Err(error) = leave_session(limits) {
        return SandboxError::Session(error);
    }
    if let Err(error) = enter(limits) {
        return error;
    }
    let Some((program, arguments)) = command.split_first() else { return SandboxError::Unsupported };
    let source = std::process::Command::new(program).args(arguments).exec();
    SandboxError::NotRun { program: program.to_string_lossy().into_owned(), source }
}

/// Leaves the operator's session, its terminal and every inherited descriptor.
#[cfg(target_os = "linux")]
fn leave_session(limits: &Limits) -> io::Result<()> {
    use rustix::process::{Signal, ioctl_tiocsctty, set_parent_process_death_signal, setsid};
    // The command ends with this program, also if this program is killed.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setsid()?;
    if limits.terminal {
        ioctl_tiocsctty(io::stdin())?;
    }
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > rustix::stdio::raw_stderr())
        .collect();
    for descriptor in open {
        // The descriptor of the listing is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn leave_session(_: &Limits) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn enter(limits: &Limits) -> Result<(), SandboxError> {
    use caps::CapSet;
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
    };
    let abi = ABI::V4;
    let (read, write) = (AccessFs::from_read(abi), AccessFs::from_all(abi));
    // No signals to other processes and no abstract sockets. A process namespace hides the processes, and the filter
    // refuses the sockets, so with both an older kernel is enough.
    let scopes = if limits.namespaces { CompatLevel::BestEffort } else { CompatLevel::HardRequirement };
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(write)
        .and_then(|rules| rules.handle_access(AccessNet::ConnectTcp))
        .and_then(|rules| rules.set_compatibility(scopes).scope(Scope::from_all(ABI::V6)))
        .map_err(|_| SandboxError::Unsupported)?
        // If the kernel supports it: no `ioctl` on devices other than the listed ones.
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::IoctlDev)?;
    let device = read | AccessFs::WriteFile | AccessFs::IoctlDev;
    let processes: &[&str] = if limits.namespaces { &OWN_PROCESSES } else { &SHARED_PROCESSES };
    let mut rules = rules
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(processes, read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(own_terminal(limits), device))?
        .add_rules(path_beneath_rules(&limits.read, read))?
        .add_rules(path_beneath_rules(&limits.write, write))?;
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
    crate::system_calls::confine(limits.udp)?;
    Ok(())
}

/// Returns the path of the command's terminal.
#[cfg(target_os = "linux")]
fn own_terminal(limits: &Limits) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let name = limits.terminal.then(|| rustix::termios::ttyname(io::stdin(), vec![]).ok())??;
    Some(OsString::from_vec(name.into_bytes()).into())
}

#[cfg(not(target_os = "linux"))]
fn enter(_: &Limits) -> Result<(), SandboxError> {
    Err(SandboxError::Unsupported)
}

/// Returns the port of an endpoint such as `http://127.0.0.1:4566`.
pub(crate) fn port_of(endpoint: &str) -> Option<u16> {
    endpoint.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
}
