//! The constructor of a scope is private to the crate.
use bulkhead_tenancy::{Invocation, TenantId, TenantScope};

fn main() {
    let invocation = Invocation::begin();
    let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").unwrap();
    let _ = TenantScope::admitted(&invocation, tenant);
}
