use bulkhead_stores::{Platform, SessionSettings, TenantClients};
use bulkhead_tenancy::{Admission, Bound, ForeignTenant, TenantEnvironment, TenantScope};

use crate::config::{self, ConfigError};
use crate::metrics::{self, About, Counter};

/// A function that works for tenants: how it admits them and what it may remember.
pub struct TenantFunction {
    platform: Platform,
    settings: SessionSettings,
    admission: Admission,
    environment: TenantEnvironment<TenantClients>,
}

impl TenantFunction {
    /// Prepares the function from its environment variables. `TENANT_ISOLATION` states
    /// the mode in which it is deployed.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let mode = config::isolation_mode("TENANT_ISOLATION")?;
        Ok(Self {
            platform: platform.clone(),
            settings: config::session_settings()?,
            admission: Admission::new(mode),
            environment: TenantEnvironment::new(mode, report_foreign_tenant),
        })
    }

    /// Returns the rules of admission.
    pub fn admission(&self) -> Admission {
        self.admission
    }

    /// Returns the clients of the tenant of `scope`: those that this environment keeps
    /// for it, or new ones where it may keep none.
    ///
    /// Ends the process when the environment belongs to another tenant.
    pub fn clients(&self, scope: &TenantScope<'_>) -> Bound<'_, TenantClients> {
        self.environment.enter(scope, |scope| TenantClients::new(&self.platform, &self.settings, scope))
    }

    /// Returns the settings of tenants' data.
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }
}

fn report_foreign_tenant(foreign: &ForeignTenant) {
    metrics::count(
        Counter::ForeignTenant,
        "environment entered by a second tenant",
        About { tenant: Some(&foreign.entered), request_id: None },
    );
    tracing::error!(bound = %foreign.bound, entered = %foreign.entered, "a second tenant entered; ending the process");
}
