//! A scope cannot be built from parts.
use std::marker::PhantomData;

use bulkhead_tenancy::{TenantId, TenantScope};

fn main() {
    let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").unwrap();
    let _ = TenantScope { tenant, invocation: PhantomData };
}
