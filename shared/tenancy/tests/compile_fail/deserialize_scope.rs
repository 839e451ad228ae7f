//! A scope cannot be read from input.
use bulkhead_tenancy::TenantScope;

fn main() {
    let _: TenantScope<'_> = serde_json::from_str("{}").unwrap();
}
