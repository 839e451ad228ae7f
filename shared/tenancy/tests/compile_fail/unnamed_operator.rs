//! An operator's authority cannot be had without naming it: a search finds every use.

use bulkhead_tenancy::{Admission, Invocation, IsolationMode, TenantId};

fn main() {
    let invocation = Invocation::begin();
    let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").unwrap();
    let _ = Admission::new(IsolationMode::None).operator(&invocation, tenant, &Default::default());
}
