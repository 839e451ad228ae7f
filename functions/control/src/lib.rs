//! The control plane of a tier: makes tenants and says whether they are served. Called
//! by operators through IAM, never through the API.

mod answer;
mod onboard;
mod runs;

use bulkhead_provisioning::{
    Indexes, KeyKind, Keys, ProvisioningError, Registry, Runs, TenantRecord, TenantStatus, UsagePlan,
};
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{Platform, StoreError};
use bulkhead_tenancy::TenantId;
use bulkhead_tenancy::names::RunId;
use serde::Deserialize;

pub use answer::{ControlAnswer, TenantView};
use onboard::{Onboarding, Placement};
pub use runs::{NewRun, PastRun, RunView};

/// What an operator asks.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlRequest {
    /// Make a tenant, or finish making one.
    Onboard {
        /// Its name, for people: 1 to 100 characters. For a new tenant.
        display_name: Option<String>,
        /// A tenant whose onboarding was interrupted.
        tenant: Option<TenantId>,
        /// For a new tenant: `pooled` (the tier's key, as when missing) or `own`.
        key: Option<KeyKind>,
    },
    /// Show a tenant.
    Show {
        /// The tenant.
        tenant: TenantId,
    },
    /// Stop serving a tenant. Takes effect when the authorizer's cached answers end.
    Suspend {
        /// The tenant.
        tenant: TenantId,
    },
    /// Serve a suspended tenant again.
    Resume {
        /// The tenant.
        tenant: TenantId,
    },
    /// Record that a command is about to run in a tenant's session.
    BeginRun(NewRun),
    /// Record how it ended.
    EndRun {
        /// The tenant.
        tenant: TenantId,
        /// The run.
        run: RunId,
        /// Its exit status.
        status: i32,
    },
    /// Show what was run in a tenant's sessions.
    Runs {
        /// The tenant.
        tenant: TenantId,
    },
}

/// Why an operator's request failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is no such tenant.
    #[error("there is no tenant of this id in this tier")]
    UnknownTenant,
    /// The tenant is not in a state that allows this.
    #[error("the tenant's status does not allow this; look at it with `show`")]
    WrongStatus,
    /// The tenant was begun with another key, bucket or index than the tier has now.
    #[error("the tenant was begun in another place than the tier uses now; onboard a new one")]
    Moved,
    /// The onboarding stopped before its end.
    #[error(
        "the onboarding of {tenant} was interrupted; finish it with {{\"action\": \"onboard\", \"tenant\": \"{tenant}\"}}"
    )]
    Interrupted {
        /// The tenant that was begun.
        tenant: TenantId,
        /// What stopped it.
        #[source]
        source: Box<ControlError>,
    },
    /// The control plane failed.
    #[error(transparent)]
    Provisioning(ProvisioningError),
    /// The tenant's data could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProvisioningError> for ControlError {
    fn from(error: ProvisioningError) -> Self {
        match error {
            ProvisioningError::Conflict { .. } => Self::WrongStatus,
            other => Self::Provisioning(other),
        }
    }
}

/// The control plane of one tier.
pub struct Control {
    function: TenantFunction,
    registry: Registry,
    indexes: Indexes,
    keys: Keys,
    runs: Runs,
    usage_plan: UsagePlan,
    placement: Placement,
    tier: String,
    /// The tenant of a silo.
    only: Option<TenantId>,
}

impl Control {
    /// Prepares the control plane from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            registry: Registry::new(platform, &config::required("REGISTRY_TABLE")?),
            indexes: Indexes::new(platform),
            keys: Keys::new(platform, onboard::key_users()?),
            runs: Runs::new(platform, &config::required("RUNS_TABLE")?),
            usage_plan: UsagePlan::new(platform, &config::required("USAGE_PLAN")?),
            placement: Placement::from_env()?,
            tier: config::required("TIER")?,
            only: config::only_tenant()?,
        })
    }

    /// Answers an operator. A failure is an answer too, so that its text arrives.
    ///
    /// # Errors
    /// None.
    pub async fn handle(
        &self,
        request: serde_json::Value,
    ) -> Result<ControlAnswer, std::convert::Infallible> {
        let request =
            serde_json::from_value(request).map_err(|error| ControlError::Invalid(error.to_string()));
        let outcome = match request {
            Ok(request) => self.act(request).await,
            Err(error) => Err(error),
        };
        Ok(match outcome {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(error = chain(&error), "a control request failed");
                ControlAnswer::from(&error)
            }
        })
    }

    async fn act(&self, request: ControlRequest) -> Result<ControlAnswer, ControlError> {
        use TenantStatus::{Active, Suspended};
        let tenant = match request {
            ControlRequest::Onboard { display_name, tenant, key } => {
                self.onboard(Onboarding::of(display_name, tenant, key, self.only.as_ref())?).await?
            }
            ControlRequest::Show { tenant } => tenant,
            ControlRequest::Suspend { tenant } => {
                self.known(&tenant).await?;
                self.registry.change_status(&tenant, [Active, Suspended], Suspended).await?;
                tenant
            }
            ControlRequest::Resume { tenant } => {
                self.known(&tenant).await?;
                self.registry.change_status(&tenant, [Suspended, Active], Active).await?;
                tenant
            }
            ControlRequest::BeginRun(new) => return Ok(ControlAnswer::Run(self.begin_run(new).await?)),
            ControlRequest::EndRun { tenant, run, status } => {
                self.end_run(tenant, &run, status).await?;
                return Ok(ControlAnswer::Done {});
            }
            ControlRequest::Runs { tenant } => {
                return Ok(ControlAnswer::Runs { runs: self.past_runs(tenant).await? });
            }
        };
        Ok(ControlAnswer::Tenant(self.known(&tenant).await?))
    }

    /// Returns the tenant if this tier has it: a tier's control plane does not touch
    /// another's tenants.
    async fn record(&self, tenant: &TenantId) -> Result<TenantRecord, ControlError> {
        if self.only.as_ref().is_some_and(|only| only != tenant) {
            return Err(ControlError::UnknownTenant);
        }
        let record = self.registry.get(tenant).await?.filter(|record| record.tier == self.tier);
        record.ok_or(ControlError::UnknownTenant)
    }

    async fn known(&self, tenant: &TenantId) -> Result<TenantView, ControlError> {
        Ok(self.record(tenant).await?.into())
    }
}
