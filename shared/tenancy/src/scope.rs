use std::marker::PhantomData;

use crate::TenantId;

/// One invocation of a function. A [`TenantScope`] cannot outlive it.
///
/// Begin it at the start of the handler and drop it at the end.
#[derive(Debug)]
pub struct Invocation {
    _private: (),
}

impl Invocation {
    /// Begins an invocation.
    pub fn begin() -> Self {
        Self { _private: () }
    }
}

/// Authority to act for one tenant during one invocation.
///
/// Every tenant-scoped name is derived from a scope. Only an
/// [`Admission`](crate::Admission) returns one. A scope has no public constructor and no
/// default, and is neither `Clone` nor `Deserialize`. It borrows from its
/// [`Invocation`], so a static or a task that outlives the request cannot hold it.
#[derive(Debug)]
pub struct TenantScope<'invocation> {
    tenant: TenantId,
    invocation: PhantomData<&'invocation Invocation>,
}

impl<'invocation> TenantScope<'invocation> {
    // INVARIANT: only `admission.rs` calls this.
    pub(crate) fn admitted(_: &'invocation Invocation, tenant: TenantId) -> Self {
        Self { tenant, invocation: PhantomData }
    }

    /// Returns the id of the scope's tenant, for logs and responses.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}
