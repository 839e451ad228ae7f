use std::ops::Deref;
use std::sync::OnceLock;

use crate::{IsolationMode, TenantId, TenantScope};

/// A second tenant entered an environment that is bound to another tenant.
///
/// Lambda excludes this in tenant isolation mode. If it happens, the process must not
/// serve either tenant again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an environment bound to one tenant was entered by another")]
pub struct ForeignTenant {
    /// The tenant that the environment is bound to.
    pub bound: TenantId,
    /// The tenant that entered.
    pub entered: TenantId,
}

/// Binds the state that a process keeps between invocations to one tenant.
///
/// `T` is all kept state: sessions, clients, caches. With
/// [`IsolationMode::PerTenant`], the process keeps the first tenant's `T` for that
/// tenant's later invocations and aborts if another tenant enters. With
/// [`IsolationMode::None`], each invocation creates its own `T` and drops it.
///
/// A `T` cannot be kept in any other way, so two tenants never share a cache.
pub struct TenantEnvironment<T> {
    mode: IsolationMode,
    report: fn(&ForeignTenant),
    bound: OnceLock<(TenantId, T)>,
}

/// The state for the tenant of the current invocation.
pub enum Bound<'e, T> {
    /// Borrowed from an environment that is bound to this tenant.
    Kept(&'e T),
    /// Created for this invocation and dropped with it.
    Fresh(Box<T>),
}

impl<T> Deref for Bound<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Kept(kept) => kept,
            Self::Fresh(fresh) => fresh,
        }
    }
}

impl<T> TenantEnvironment<T> {
    /// Returns an environment that is not bound to a tenant yet.
    ///
    /// `report` logs a foreign tenant just before the process aborts.
    pub fn new(mode: IsolationMode, report: fn(&ForeignTenant)) -> Self {
        Self { mode, report, bound: OnceLock::new() }
    }

    /// Enters for the tenant of `scope` and returns its state. Calls `make` if there is none.
    ///
    /// Aborts the process if the environment is bound to another tenant.
    pub fn enter(&self, scope: &TenantScope<'_>, make: impl FnOnce(&TenantScope<'_>) -> T) -> Bound<'_, T> {
        match self.try_enter(scope, make) {
            Ok(bound) => bound,
            Err(foreign) => {
                (self.report)(&foreign);
                std::process::abort()
            }
        }
    }

    fn try_enter(
        &self,
        scope: &TenantScope<'_>,
        make: impl FnOnce(&TenantScope<'_>) -> T,
    ) -> Result<Bound<'_, T>, ForeignTenant> {
        if self.mode == IsolationMode::None {
            return Ok(Bound::Fresh(Box::new(make(scope))));
        }
        let (tenant, kept) = self.bound.get_or_init(|| (scope.tenant().clone(), make(scope)));
        if tenant == scope.tenant() {
            Ok(Bound::Kept(kept))
        } else {
            Err(ForeignTenant { bound: tenant.clone(), entered: scope.tenant().clone() })
        }
    }
}
