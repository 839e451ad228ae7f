//! An item key cannot be built by hand, not even in the scope's own partition.
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::ItemKey;

fn forge(scope: &TenantScope<'_>) -> ItemKey {
    ItemKey { partition: scope.partition(), sort: "PROFILE".to_owned() }
}

fn main() {}
