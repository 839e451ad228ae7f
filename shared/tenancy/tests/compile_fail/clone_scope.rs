//! A scope cannot be copied.
use bulkhead_tenancy::TenantScope;

fn copy<'i>(scope: &TenantScope<'i>) -> TenantScope<'i> {
    scope.clone()
}

fn main() {}
