use std::marker::PhantomData;

use crate::TenantId;

/// One invocation of a function: the longest that a [`TenantScope`] can live.
///
/// Begin one at the top of the handler and let it end there.
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
/// Every tenant-scoped name is derived from a scope, and only an
/// [`Admission`](crate::Admission) returns one. It is not `Clone`, not
/// `Deserialize`, has no default and no public constructor, and it borrows from its
/// [`Invocation`], so it cannot be put into a static or moved into a task that
/// outlives the request.
#[derive(Debug)]
pub struct TenantScope<'invocation> {
    tenant: TenantId,
    invocation: PhantomData<&'invocation Invocation>,
}

impl<'invocation> TenantScope<'invocation> {
    // INVARIANT: called by `admission.rs` alone.
    pub(crate) fn admitted(_: &'invocation Invocation, tenant: TenantId) -> Self {
        Self { tenant, invocation: PhantomData }
    }

    /// Returns the tenant this scope speaks for, as a label for logs and answers.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}
