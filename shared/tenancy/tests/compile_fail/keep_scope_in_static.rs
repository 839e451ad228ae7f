//! A static cannot keep a scope for a later invocation.
use std::sync::Mutex;

use bulkhead_tenancy::{Admission, Invocation, IsolationMode, TenantScope};

static KEPT: Mutex<Option<TenantScope<'static>>> = Mutex::new(None);

fn main() {
    let invocation = Invocation::begin();
    let scope = Admission::new(IsolationMode::None)
        .request(&invocation, Some("aaaaaaaaaaaaaaaa"), None)
        .unwrap();
    *KEPT.lock().unwrap() = Some(scope);
}
