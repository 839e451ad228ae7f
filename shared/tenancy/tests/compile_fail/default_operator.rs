//! An operator's authority has no default, so a search for its name finds every use.

use bulkhead_tenancy::{Admission, Invocation, IsolationMode, TenantId};

fn main() {
    let invocation = Invocation::begin();
    let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").unwrap();
    let _ = Admission::new(IsolationMode::None).operator(&invocation, tenant, &Default::default());
}
