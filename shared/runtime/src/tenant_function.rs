use bulkhead_stores::{Platform, SessionSettings, StoreError, TenantClients, TenantSession};
use bulkhead_tenancy::{
    Admission, Bound, ForeignTenant, Invocation, Refusal, TenantEnvironment, TenantScope,
};
use lambda_runtime::Diagnostic;

use crate::chain;
use crate::config::{self, ConfigError};
use crate::metrics::{self, Counter, Subject};

/// A function that works for tenants: how it admits them, and what it keeps between invocations.
pub struct TenantFunction {
    platform: Platform,
    settings: SessionSettings,
    admission: Admission,
    environment: TenantEnvironment<TenantClients>,
}

/// Why an event was not handled. Lambda repeats the event or keeps it, depending on its source.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The event does not establish a tenant.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        let kind = match error {
            EventError::Refused(_) => "Refused",
            EventError::Store(_) => "StoreError",
        };
        Self { error_type: kind.to_owned(), error_message: error.to_string() }
    }
}

impl TenantFunction {
    /// Prepares the function from its environment variables. `TENANT_ISOLATION` is the isolation mode of
    /// its deployment.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let mode = config::isolation_mode("TENANT_ISOLATION")?;
        Ok(Self {
            platform: platform.clone(),
            settings: config::session_settings()?,
            admission: Admission::new(mode),
            environment: TenantEnvironment::new(mode, report_foreign_tenant),
        })
    }

    /// Handles one event: admits its tenant, opens the tenant's session and calls `work` with it.
    ///
    /// `admit` returns the scope and the other data of the event. Counts and logs a failure.
    pub async fn handle_event<E, T>(
        &self,
        admit: impl for<'i> FnOnce(Admission, &'i Invocation) -> Result<(TenantScope<'i>, E), Refusal>,
        work: impl for<'s> AsyncFnOnce(&'s TenantScope<'s>, TenantSession<'s>, E) -> Result<T, StoreError>,
    ) -> Result<T, EventError> {
        let invocation = Invocation::begin();
        let (scope, event) = admit(self.admission, &invocation).inspect_err(|refusal| {
            metrics::count(Counter::Refused, refusal.code(), Subject::default());
            tracing::error!(error = %refusal, "event refused");
        })?;
        let clients = self.clients(&scope);
        let outcome = match clients.session(&scope) {
            // Boxed, because the compiler limits the depth of nested futures.
            Ok(session) => Box::pin(work(&scope, session, event)).await,
            Err(error) => Err(error),
        };
        outcome.map_err(|error| {
            let subject = Subject { tenant: Some(scope.tenant()), request_id: None };
            metrics::count_failure(&error, subject);
            tracing::error!(tenant = %scope.tenant(), error = chain(&error), "event failed");
            error.into()
        })
    }

    /// Returns the rules of admission.
    pub fn admission(&self) -> Admission {
        self.admission
    }

    /// Returns the clients of the tenant of `scope`: the clients that this environment keeps, or new clients
    /// if it may keep none.
    ///
    /// Ends the process if the environment belongs to another tenant.
    pub fn clients(&self, scope: &TenantScope<'_>) -> Bound<'_, TenantClients> {
        self.environment.enter(scope, |scope| TenantClients::new(&self.platform, &self.settings, scope))
    }

    /// Returns the names of the tier's data stores.
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }
}

fn report_foreign_tenant(foreign: &ForeignTenant) {
    metrics::count(
        Counter::ForeignTenant,
        "environment entered by a second tenant",
        Subject { tenant: Some(&foreign.entered), request_id: None },
    );
    tracing::error!(bound = %foreign.bound, entered = %foreign.entered, "environment entered by a second tenant");
}
