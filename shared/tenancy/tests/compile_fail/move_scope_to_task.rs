//! A scope cannot be moved into a task that outlives its invocation.
use bulkhead_tenancy::{Admission, Invocation, IsolationMode};

fn main() {
    let invocation = Invocation::begin();
    let scope = Admission::new(IsolationMode::None)
        .request(&invocation, Some("aaaaaaaaaaaaaaaa"), None)
        .unwrap();
    std::thread::spawn(move || scope.partition());
}
