//! Text cannot be converted to a scope.
use bulkhead_tenancy::TenantScope;

fn main() {
    let _: TenantScope<'_> = "aaaaaaaaaaaaaaaa".try_into().unwrap();
}
