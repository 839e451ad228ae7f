//! A process serves one tenant, or keeps no state between invocations.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulkhead_tenancy::{Admission, Bound, Invocation, IsolationMode, TenantEnvironment};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn enter<'e>(
    environment: &'e TenantEnvironment<String>,
    tenant: &str,
    made: &AtomicUsize,
) -> Bound<'e, String> {
    let invocation = Invocation::begin();
    let scope = Admission::new(IsolationMode::None).job(&invocation, Some(tenant), None).expect("tenant");
    environment.enter(&scope, |scope| {
        made.fetch_add(1, Ordering::Relaxed);
        format!("state of {}", scope.tenant())
    })
}

#[test]
fn bound_environment_keeps_tenant_state() {
    let environment = TenantEnvironment::new(IsolationMode::PerTenant, |_| {});
    let made = AtomicUsize::new(0);
    for _ in 0..3 {
        assert_eq!(*enter(&environment, A, &made), format!("state of {A}"));
    }
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn state_is_dropped_when_isolation_is_off() {
    let environment = TenantEnvironment::new(IsolationMode::None, |_| {});
    let made = AtomicUsize::new(0);
    assert_eq!(*enter(&environment, A, &made), format!("state of {A}"));
    assert_eq!(*enter(&environment, B, &made), format!("state of {B}"));
    assert_eq!(*enter(&environment, A, &made), format!("state of {A}"));
    assert_eq!(made.into_inner(), 3);
}

/// Runs this test again in a child process, which must abort.
#[test]
fn second_tenant_is_reported_and_aborts_process() {
    const CHILD: &str = "BULKHEAD_TEST_SECOND_TENANT";
    if std::env::var_os(CHILD).is_some() {
        let environment = TenantEnvironment::new(IsolationMode::PerTenant, |foreign| {
            eprintln!("{foreign}: {} not {}", foreign.entered, foreign.bound);
        });
        let made = AtomicUsize::new(0);
        let _ = enter(&environment, A, &made);
        let _ = enter(&environment, B, &made);
        println!("served a second tenant");
        return;
    }
    let output = Command::new(std::env::current_exe().expect("test binary"))
        .args(["--exact", "second_tenant_is_reported_and_aborts_process", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("child runs");
    assert!(!output.status.success(), "the process must not survive");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("served a second tenant"));
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(report.contains(&format!("{B} not {A}")), "{report}");
}
