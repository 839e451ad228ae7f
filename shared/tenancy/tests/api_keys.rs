//! A presented key leads to the item that its tenant's session writes, and to no other.

use bulkhead_tenancy::names::ApiKeyId;
use bulkhead_tenancy::{Admission, Invocation, IsolationMode, TenantId};

#[test]
fn a_presented_key_is_where_its_tenant_wrote_it() {
    let (tenant, other) = ("0192f3c5b7a07e0e9d3a5c1b2d4e6f80", "0192f3c5b7a07e0e9d3a5c1b2d4e6f81");
    let id = ApiKeyId::parse("0123456789abcdef").expect("an id");
    let invocation = Invocation::begin();
    let admission = Admission::new(IsolationMode::None);
    let scope = admission.request(&invocation, Some(tenant), None).expect("admitted");
    let written = scope.api_key_key(&id);
    let location = |tenant: &str| TenantId::parse(tenant).expect("an id").api_key_location(&id);
    assert_eq!(
        (location(tenant).partition(), location(tenant).sort()),
        (written.partition(), written.sort())
    );
    assert_ne!(location(other).partition(), written.partition());
    assert_ne!(written.sort(), scope.api_key_count_key().sort());
}
