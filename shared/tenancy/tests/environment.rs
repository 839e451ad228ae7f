//! A process serves one tenant, or forgets.

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
        format!("memory of {}", scope.tenant())
    })
}

#[test]
fn a_bound_environment_keeps_its_tenants_memory() {
    let environment = TenantEnvironment::new(IsolationMode::PerTenant, |_| {});
    let made = AtomicUsize::new(0);
    for _ in 0..3 {
        assert_eq!(*enter(&environment, A, &made), format!("memory of {A}"));
    }
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn without_the_mode_nothing_survives_an_invocation() {
    let environment = TenantEnvironment::new(IsolationMode::None, |_| {});
    let made = AtomicUsize::new(0);
    assert_eq!(*enter(&environment, A, &made), format!("memory of {A}"));
    assert_eq!(*enter(&environment, B, &made), format!("memory of {B}"));
    assert_eq!(*enter(&environment, A, &made), format!("memory of {A}"));
    assert_eq!(made.into_inner(), 3);
}

/// Runs this test again in a process of its own, which has to die.
#[test]
fn a_second_tenant_ends_the_process_and_is_reported() {
    const CHILD: &str = "BULKHEAD_TEST_SECOND_TENANT";
    if std::env::var_os(CHILD).is_some() {
        let environment = TenantEnvironment::new(IsolationMode::PerTenant, |foreign| {
            eprintln!("last words: {foreign}, {} not {}", foreign.entered, foreign.bound);
        });
        let made = AtomicUsize::new(0);
        let _ = enter(&environment, A, &made);
        let _ = enter(&environment, B, &made);
        println!("served a second tenant");
        return;
    }
    let output = Command::new(std::env::current_exe().expect("test binary"))
        .args(["--exact", "a_second_tenant_ends_the_process_and_is_reported", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("child runs");
    assert!(!output.status.success(), "the process must not survive");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("served a second tenant"));
    let last_words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(last_words.contains(&format!("{B} not {A}")), "{last_words}");
}
