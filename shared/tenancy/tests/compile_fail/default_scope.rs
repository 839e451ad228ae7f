//! There is no default tenant.
use bulkhead_tenancy::TenantScope;

fn main() {
    let _: TenantScope<'_> = Default::default();
}
