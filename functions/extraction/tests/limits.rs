//! The kernel's limits and filter for a child process that waits for its document.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Returns a function that looks up the soft and hard limit of a name.
fn limits(process: u32) -> impl Fn(&str) -> Option<(String, String)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("a process");
    move |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let mut columns = line.split_whitespace().map(str::to_owned);
        Some((columns.next()?, columns.next()?))
    }
}

/// Returns whether a filter limits the process's system calls.
fn is_filtered(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1")
}

#[test]
fn limits_apply_before_the_document_is_read() {
    let expected = [
        ("Max address space", "1073741824", "1073741824"),
        ("Max stack size", "8388608", "8388608"),
        ("Max cpu time", "20", "21"),
        ("Max core file size", "0", "0"),
        ("Max file size", "0", "0"),
        ("Max processes", "0", "0"),
        ("Max open files", "0", "0"),
    ]
    .map(|(name, soft, hard)| (name, Some((soft.to_owned(), hard.to_owned()))));
    let mut child = Command::new(env!("CARGO_BIN_EXE_extraction"))
        .args(["parse", "text/plain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let started = Instant::now();
    loop {
        let limit = limits(child.id());
        let found = expected.clone().map(|(name, _)| (name, limit(name)));
        if found == expected && is_filtered(child.id()) {
            break;
        }
        // The process may not have applied its limits yet.
        assert!(started.elapsed() < Duration::from_secs(10), "{found:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.stdin.take().expect("a pipe").write_all(b"and it still reads").expect("a pipe");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        r#"{"page":{"title":null,"total":1,"passages":[{"text":"and it still reads","headings":[],"page":null,"range":{"start":0,"end":18}}],"warnings":[]}}"#
    );
}
