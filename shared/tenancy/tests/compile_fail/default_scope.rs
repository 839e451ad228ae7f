//! A scope has no default.
use bulkhead_tenancy::TenantScope;

fn main() {
    let _: TenantScope<'_> = Default::default();
}
