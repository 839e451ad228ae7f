use std::ops::Deref;
use std::sync::OnceLock;

use crate::{IsolationMode, TenantId, TenantScope};

/// A second tenant reached an environment that belongs to a first.
///
/// Lambda promises that this does not happen in tenant isolation mode; where it does,
/// the process must not serve either of them again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an environment bound to one tenant was entered by another")]
pub struct ForeignTenant {
    /// The tenant the environment belongs to.
    pub bound: TenantId,
    /// The tenant that entered.
    pub entered: TenantId,
}

/// Ties what a process keeps between invocations to one tenant.
///
/// `T` is everything that may be remembered: sessions, clients, caches. With the
/// tenant mode on, the first tenant's `T` is kept and lent to that tenant's later
/// invocations; any other tenant ends the process. With the mode off, every
/// invocation makes its own `T` and drops it.
///
/// There is no other way to keep a `T`, so there is no cache that two tenants reach.
pub struct TenantEnvironment<T> {
    mode: IsolationMode,
    last_words: fn(&ForeignTenant),
    bound: OnceLock<(TenantId, T)>,
}

/// What a process remembers for the tenant of the current invocation.
pub enum Bound<'e, T> {
    /// Lent by an environment that belongs to this tenant.
    Kept(&'e T),
    /// Made for this invocation and dropped with it.
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
    /// Returns an environment that no tenant has entered.
    ///
    /// `last_words` reports a foreign tenant just before the process aborts.
    pub fn new(mode: IsolationMode, last_words: fn(&ForeignTenant)) -> Self {
        Self { mode, last_words, bound: OnceLock::new() }
    }

    /// Enters for the tenant of `scope` and returns what is remembered for it, made by
    /// `make` where nothing is.
    ///
    /// Aborts the process when the environment belongs to another tenant.
    pub fn enter(&self, scope: &TenantScope<'_>, make: impl FnOnce(&TenantScope<'_>) -> T) -> Bound<'_, T> {
        match self.try_enter(scope, make) {
            Ok(bound) => bound,
            Err(foreign) => {
                (self.last_words)(&foreign);
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
