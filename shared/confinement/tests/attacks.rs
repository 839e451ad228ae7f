//! A confined process attempts what an exploited parser would. Each attempt succeeds in the control.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Instant;

use bulkhead_confinement::{Limits, answer, seccomp};
use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, Signal};

/// Names the attempt of a child process, or `work` for the work of a parser.
const ATTEMPT: &str = "CONFINEMENT_ATTEMPT";
/// `filter` for the system call filter alone, `limits` for the resource limits alone, or `none`.
const LAYER: &str = "CONFINEMENT_LAYER";
const PORT: &str = "CONFINEMENT_PORT";
/// Exit status of an attempt that the kernel refused.
const REFUSED: i32 = 3;

/// What the child reads before it is confined.
struct Before {
    parent: Pid,
    child: Pid,
    port: u16,
}

type Attempt = fn(&Before) -> io::Result<()>;

const ATTEMPTS: [(&str, Attempt); 20] = [
    ("open a file", |_| File::open("/etc/passwd").map(drop)),
    ("read the parent's environment", |before| {
        std::fs::read(format!("/proc/{}/environ", before.parent.as_raw_nonzero())).map(drop)
    }),
    ("read its own command line", |_| std::fs::read("/proc/self/cmdline").map(drop)),
    ("write a file", |_| File::create("/dev/null").map(drop)),
    ("list a folder", |_| std::fs::read_dir("/").map(drop)),
    ("ask whether a file exists", |_| std::fs::metadata("/etc/passwd").map(drop)),
    ("connect", |before| TcpStream::connect(("127.0.0.1", before.port)).map(drop)),
    ("create a TCP socket", |_| socket(None)),
    ("create a multipath TCP socket", |_| socket(Some(262))),
    ("create a local socket", |_| UnixDatagram::unbound().map(drop)),
    ("start a process", |_| Command::new("/bin/true").status().map(drop)),
    ("start a thread", |_| std::thread::Builder::new().spawn(|| {}).map(drop)),
    ("execute a program", |_| Err(Command::new("/bin/true").exec())),
    ("trace a process", |before| {
        let child = nix::unistd::Pid::from_raw(before.child.as_raw_nonzero().get());
        Ok(nix::sys::ptrace::seize(child, nix::sys::ptrace::Options::empty())?)
    }),
    ("send a signal to the parent", |before| Ok(rustix::process::test_kill_process(before.parent)?)),
    ("duplicate a descriptor", |_| Ok(rustix::io::dup(io::stdout()).map(drop)?)),
    ("create a pipe", |_| io::pipe().map(drop)),
    ("create a file in memory", |_| {
        Ok(rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC).map(drop)?)
    }),
    ("change its own protection", |_| {
        Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?)
    }),
    ("change a limit", |_| {
        let all = Rlimit { current: Some(64), maximum: Some(64) };
        Ok(rustix::process::setrlimit(Resource::Nofile, all)?)
    }),
];

fn socket(protocol: Option<u32>) -> io::Result<()> {
    use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
    let protocol = protocol.and_then(std::num::NonZeroU32::new).map(Protocol::from_raw);
    Ok(socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, protocol).map(drop)?)
}

/// What a parser does: memory, hash maps, the clock, output, and an error that unwinds.
fn work() -> io::Result<()> {
    let started = Instant::now();
    let mut large = vec![1_u8; 64 << 20];
    large.resize(96 << 20, 2);
    let map: HashMap<_, _> = large.iter().step_by(4096).enumerate().collect();
    let failed = std::panic::catch_unwind(|| panic!("a broken document"));
    assert!(failed.is_err() && !map.is_empty() && started.elapsed().as_secs() < 60);
    io::stdout().write_all(b"worked\n")
}

/// The child process of the tests below.
#[test]
#[ignore = "runs in the child process of other tests"]
fn attempt() {
    let name = std::env::var(ATTEMPT).expect("the parent names the attempt");
    let attempt =
        ATTEMPTS.iter().find(|(each, _)| *each == name).map_or::<Attempt, _>(|_| work(), |each| each.1);
    let child = Command::new("sleep").arg("1").stdout(Stdio::null()).spawn().expect("a process");
    let before = Before {
        child: Pid::from_child(&child),
        parent: rustix::process::getppid().expect("a parent"),
        port: std::env::var(PORT).expect("a port").parse().expect("a number"),
    };
    match std::env::var(LAYER).expect("the parent names the layer").as_str() {
        "filter" => seccomp::enter().expect("the kernel has the filter"),
        "none" => {}
        other => panic!("no layer {other}"),
    }
    std::process::exit(if attempt(&before).is_ok() { 0 } else { REFUSED });
}

/// Runs an attempt in a child process and returns its status and output.
fn run(name: &str, layer: &str, port: u16) -> std::process::Output {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "attempt", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ATTEMPT, name)
        .env(LAYER, layer)
        .env(PORT, port.to_string())
        // As in production: a backtrace opens files.
        .env_remove("RUST_BACKTRACE")
        .stderr(Stdio::null())
        .output()
        .expect("a child process")
}

#[test]
fn filter_ends_every_attempt() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    for (name, _) in ATTEMPTS {
        let control = run(name, "none", port).status;
        assert_eq!(control.code(), Some(0), "the control could not {name}");
        let confined = run(name, "filter", port).status;
        assert_eq!(confined.signal(), Some(Signal::SYS.as_raw()), "{name}: {confined}");
    }
}

#[test]
fn filter_allows_the_work_of_a_parser() {
    for layer in ["none", "filter"] {
        let done = run("work", layer, 0);
        assert_eq!(done.status.code(), Some(0), "{layer}: {}", done.status);
        assert!(String::from_utf8_lossy(&done.stdout).contains("worked\n"));
    }
}

/// The confined child of the test below.
#[test]
#[ignore = "runs in the child process of another test"]
fn confined() {
    let limits = Limits { memory: 1 << 30, processor: 60, stack: 8 << 20 };
    answer(&limits, 16, |input| Ok(input.to_ascii_uppercase()));
    std::process::exit(0);
}

#[test]
fn both_layers_are_in_place_before_the_first_byte() {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "confined", "--ignored", "--nocapture", "--test-threads=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child process");
    let started = Instant::now();
    while !is_confined(child.id()) {
        // The process may not have confined itself yet.
        assert!(started.elapsed().as_secs() < 60, "the child is not confined");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.stdin.take().expect("a pipe").write_all(b"loud").expect("a pipe");
    let done = child.wait_with_output().expect("an end");
    assert!(String::from_utf8_lossy(&done.stdout).contains("LOUD"), "{done:?}");
}

/// Returns whether a thread of the process has the filter and the process opens no descriptor. The test harness may run
/// the test in a second thread.
fn is_confined(process: u32) -> bool {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("a process");
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("a process");
    let closed =
        limits.lines().any(|line| line.split_whitespace().eq(["Max", "open", "files", "0", "0", "files"]));
    let filtered = threads.flatten().any(|thread| {
        std::fs::read_to_string(thread.path().join("status"))
            .is_ok_and(|status| status.contains("Seccomp:\t2"))
    });
    closed && filtered
}
