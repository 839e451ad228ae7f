//! The `control` function: creates, suspends and resumes the tenants of a tier.
//!
//! Operators invoke it with their IAM permission. The API cannot reach it.

mod answer;
mod budget;
mod models;
mod onboard;
mod runs;

use bulkhead_models::{Offer, Settings};
use bulkhead_provisioning::{
    Embedding, Indexes, KeyKind, Keys, ProvisioningError, Registry, Runs, TenantRecord, TenantStatus,
    UsagePlan,
};
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{Platform, StoreError};
use bulkhead_tenancy::TenantId;
use bulkhead_tenancy::names::RunId;
use serde::Deserialize;

pub use answer::{ControlAnswer, TenantView};
pub use budget::BudgetLimits;
use onboard::{NewModels, Onboarding, Placement};
pub use runs::{NewRun, PastRun, RunView};

/// An operator's request.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlRequest {
    /// Create a tenant, or finish an interrupted onboarding.
    Onboard {
        /// Name of a new tenant, for people: 1 to 100 characters.
        display_name: Option<String>,
        /// Id of a tenant whose onboarding was interrupted.
        tenant: Option<TenantId>,
        /// Key of a new tenant: `pooled` (the tier's key, the default) or `own`.
        key: Option<KeyKind>,
        /// The tenant's own budget; without it, the tier's.
        budget: Option<BudgetLimits>,
        /// Which models a new tenant may use. Default: those of the tier.
        models: Option<Settings>,
        /// The model that embeds the documents of a new tenant, for ever. Default: the tier's.
        embedding: Option<Embedding>,
    },
    /// Replace a tenant's own budget. Takes effect within a minute. A missing limit is the tier's; 0 is no limit.
    Budget {
        /// The tenant.
        tenant: TenantId,
        /// Tokens per day, in UTC.
        daily_tokens: Option<u64>,
        /// Tokens per month, in UTC.
        monthly_tokens: Option<u64>,
        /// US dollars per day, as text: `12.50`.
        daily_usd: Option<String>,
        /// US dollars per month, as text.
        monthly_usd: Option<String>,
    },
    /// Say which models a tenant may use. Takes effect within a minute.
    Models {
        /// The tenant.
        tenant: TenantId,
        /// The settings; what is not set follows the tier.
        models: Settings,
    },
    /// Show a tenant.
    Show {
        /// The tenant.
        tenant: TenantId,
    },
    /// Stop serving a tenant. Takes effect when API Gateway's cached policies expire.
    Suspend {
        /// The tenant.
        tenant: TenantId,
    },
    /// Serve a suspended tenant again.
    Resume {
        /// The tenant.
        tenant: TenantId,
    },
    /// Record a command before it starts in a tenant's session.
    BeginRun(NewRun),
    /// Record the exit status of a command.
    EndRun {
        /// The tenant.
        tenant: TenantId,
        /// The run.
        run: RunId,
        /// The exit status.
        status: i32,
    },
    /// List the commands that ran in a tenant's session.
    Runs {
        /// The tenant.
        tenant: TenantId,
    },
}

/// Why an operator's request failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The request is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The tier has no such tenant.
    #[error("there is no tenant with this id in this tier")]
    UnknownTenant,
    /// The tenant's status does not allow the action.
    #[error("the tenant's status does not allow this action; see the status with `show`")]
    WrongStatus,
    /// The tier's key, bucket or index changed since the tenant's onboarding started.
    #[error(
        "the tier's key, vector bucket or index changed since this onboarding started; onboard a new tenant"
    )]
    PlacementChanged,
    /// The onboarding stopped before its last step.
    #[error(
        "the onboarding of {tenant} was interrupted; finish it with {{\"action\": \"onboard\", \"tenant\": \"{tenant}\"}}"
    )]
    Interrupted {
        /// The tenant whose onboarding started.
        tenant: TenantId,
        /// The failure of the last step.
        #[source]
        source: Box<ControlError>,
    },
    /// A call of the control plane to AWS failed.
    #[error(transparent)]
    Provisioning(ProvisioningError),
    /// A call in the tenant's session failed.
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
    offer: Offer,
    tier: String,
    /// The only tenant of a silo; `None` in a pooled tier.
    only: Option<TenantId>,
}

impl Control {
    /// Returns the control plane configured by the environment variables.
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let offer = config::models()?;
        Ok(Self {
            function: TenantFunction::from_env(platform)?,
            registry: Registry::new(platform, &config::required("REGISTRY_TABLE")?),
            indexes: Indexes::new(platform),
            keys: Keys::new(platform, onboard::key_users()?),
            runs: Runs::new(platform, &config::required("RUNS_TABLE")?),
            usage_plan: UsagePlan::new(platform, &config::required("USAGE_PLAN")?),
            placement: Placement::from_env(&offer)?,
            offer,
            tier: config::required("TIER")?,
            only: config::only_tenant()?,
        })
    }

    /// Handles an operator's request. A failure is a normal response, so that its message
    /// reaches the operator.
    pub async fn handle(
        &self,
        request: serde_json::Value,
    ) -> Result<ControlAnswer, std::convert::Infallible> {
        let request =
            serde_json::from_value(request).map_err(|error| ControlError::Invalid(error.to_string()));
        let outcome = match request {
            Ok(request) => self.execute(request).await,
            Err(error) => Err(error),
        };
        Ok(match outcome {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(error = chain(&error), "control request failed");
                ControlAnswer::from(&error)
            }
        })
    }

    async fn execute(&self, request: ControlRequest) -> Result<ControlAnswer, ControlError> {
        use TenantStatus::{Active, Suspended};
        let tenant = match request {
            ControlRequest::Onboard { display_name, tenant, key, budget, models, embedding } => {
                let budget = budget.unwrap_or_default().read()?;
                let models = models.map(|models| self.checked(models)).transpose()?;
                if let Some(embedding) = &embedding {
                    self.corpus(embedding)?;
                }
                let new = NewModels { models, embedding };
                let onboarding = Onboarding::of(display_name, tenant, key, new, self.only.as_ref())?;
                self.onboard(onboarding, budget).await?
            }
            ControlRequest::Budget { tenant, daily_tokens, monthly_tokens, daily_usd, monthly_usd } => {
                let budget = BudgetLimits { daily_tokens, monthly_tokens, daily_usd, monthly_usd }.read()?;
                self.change_budget(&tenant, budget).await?;
                tenant
            }
            ControlRequest::Models { tenant, models } => {
                let models = self.checked(models)?;
                self.change_models(&tenant, models).await?;
                tenant
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

    /// Returns the tenant's record. Fails for a tenant of another tier or silo.
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
