//! Configuration from environment variables, read once at start. Calls fail with [`ConfigError`].

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use bulkhead_models::{Catalogue, CatalogueError, Model, ModelName, Offer, Price, Settings, SettingsError};
use bulkhead_stores::{
    Allowance, Budget, BudgetSettings, CircuitPolicy, MAX_CLOCK_SKEW, MAX_PAUSE, Quota, SessionSettings,
    Throttle, TokenPrice, money,
};
use bulkhead_tenancy::{IsolationMode, TenantId};

/// An environment variable is missing or invalid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A variable is missing or empty.
    #[error("environment variable `{name}` is not set; see the function's Environment in infra/tier.yaml")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// A variable has an invalid value.
    #[error("environment variable `{name}` must be {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// The allowed values.
        expected: &'static str,
    },
    /// The catalogue of models is invalid.
    #[error("environment variable `MODELS`: {0}")]
    Models(#[from] CatalogueError),
    /// The tier's default, fallback or list of allowed models is invalid.
    #[error("environment variables `MODEL`, `ALLOWED_MODELS` and `FALLBACK_MODEL`: {0}")]
    Offer(#[from] SettingsError),
}

/// Returns the value of the variable `name`.
///
/// # Errors
/// [`ConfigError::Missing`].
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or(ConfigError::Missing { name })
}

/// Returns the value of the variable `name`; `None` if it is not set or empty.
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the name of the tier, for logs and metrics.
pub fn tier() -> String {
    std::env::var("TIER").unwrap_or_else(|_| "none".to_owned())
}

/// Returns the value of the variable `name`, parsed.
pub fn parsed<T: std::str::FromStr>(name: &'static str, expected: &'static str) -> Result<T, ConfigError> {
    required(name)?.parse().map_err(|_| ConfigError::Invalid { name, expected })
}

/// Returns the tenant of a silo; `None` in a pooled tier.
pub fn only_tenant() -> Result<Option<TenantId>, ConfigError> {
    const NAME: &str = "ONLY_TENANT";
    let invalid = |_| ConfigError::Invalid { name: NAME, expected: "a tenant id, or not set" };
    optional(NAME).map(|text| TenantId::parse(&text).map_err(invalid)).transpose()
}

/// Returns the models that the tier offers.
///
/// `MODEL` is the default. Without the variable `MODELS`, the catalogue has only the model of Bedrock that `MODEL` names.
pub fn models() -> Result<Offer, ConfigError> {
    let default = model("MODEL", &required("MODEL")?)?;
    let catalogue = match optional("MODELS") {
        Some(text) => Catalogue::parse(&text)?,
        None => Catalogue::of(default.clone()),
    };
    let allowed = optional("ALLOWED_MODELS");
    let allowed = allowed.map(|names| names.split(',').map(|name| model("ALLOWED_MODELS", name)).collect());
    let fallback = optional("FALLBACK_MODEL").map(|name| model("FALLBACK_MODEL", &name));
    let settings =
        Settings { allowed: allowed.transpose()?, default: Some(default), fallback: fallback.transpose()? };
    Ok(Offer::new(catalogue, settings)?)
}

fn model(name: &'static str, text: &str) -> Result<ModelName, ConfigError> {
    ModelName::parse(text.trim()).ok_or(ConfigError::Invalid { name, expected: "names of models" })
}

/// Returns the tenant isolation mode in the variable `name`.
pub fn isolation_mode(name: &'static str) -> Result<IsolationMode, ConfigError> {
    match required(name)?.as_str() {
        "PER_TENANT" => Ok(IsolationMode::PerTenant),
        "NONE" => Ok(IsolationMode::None),
        _ => Err(ConfigError::Invalid { name, expected: "PER_TENANT or NONE" }),
    }
}

/// A slot expires after this time: longer than the 29 s that API Gateway waits for a function.
const SLOT_LIFETIME: Duration = Duration::from_secs(35);

/// Returns the quota of one tenant for calls.
pub fn quota() -> Result<Quota, ConfigError> {
    const EXPECTED: &str = "a whole number from 1";
    Ok(Quota {
        in_flight: parsed("TENANT_IN_FLIGHT", EXPECTED)?,
        rate: parsed("TENANT_RATE", EXPECTED)?,
        burst: parsed("TENANT_BURST", EXPECTED)?,
        slot_lifetime: SLOT_LIFETIME,
    })
}

/// The longest time between the start of a worker's call and the start of the worker: a cold start, of which the
/// initialization takes at most 10 s.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const WORKER_START: Duration = Duration::from_secs(30);

/// Returns the budgets of a tenant for the calls of an API, and the prices of the models.
pub fn budgets(catalogue: &Catalogue) -> Result<BudgetSettings, ConfigError> {
    budgets_for(catalogue, SLOT_LIFETIME)
}

/// Returns the budgets of a tenant for the jobs of a worker, and the prices of the models.
pub fn worker_budgets(catalogue: &Catalogue) -> Result<BudgetSettings, ConfigError> {
    budgets_for(catalogue, lease()?)
}

fn budgets_for(catalogue: &Catalogue, longest_call: Duration) -> Result<BudgetSettings, ConfigError> {
    let tokens = |name| match optional(name) {
        None => Ok(None),
        Some(_) => parsed(name, "a whole number; 0 is no budget").map(Some),
    };
    let money = |name| {
        let invalid = |_| ConfigError::Invalid { name, expected: "an amount in US dollars; 0 is no budget" };
        optional(name).map(|text| money::parse_usd(&text).map_err(invalid)).transpose()
    };
    let daily = Allowance { tokens: tokens("TENANT_DAILY_TOKENS")?, money: money("TENANT_DAILY_USD")? };
    let monthly = Allowance { tokens: tokens("TENANT_MONTHLY_TOKENS")?, money: money("TENANT_MONTHLY_USD")? };
    let price = |model: &Model| {
        let Price { input, output } = model.price()?;
        Some((model.id.as_str().to_owned(), TokenPrice { input, output }))
    };
    Ok(BudgetSettings {
        default: Budget { daily, monthly },
        prices: catalogue.models().filter_map(price).collect(),
        // The process that judges the expiry may have another clock.
        lifetime: longest_call + MAX_CLOCK_SKEW,
    })
}

/// Returns the quota of one tenant for workers. It has no rate, because the queue is fair.
pub fn worker_quota() -> Result<Quota, ConfigError> {
    let unlimited = NonZeroU32::MAX;
    Ok(Quota {
        in_flight: parsed("TENANT_JOBS", "a whole number from 1")?,
        rate: unlimited,
        burst: unlimited,
        // The slot is taken before the worker starts, and must not expire before the worker ends.
        slot_lifetime: lease()? + WORKER_START,
    })
}

/// Returns the rate at which one tenant's workers may call the embedding model.
pub fn embeddings() -> Result<Throttle, ConfigError> {
    Ok(Throttle { rate: parsed("TENANT_EMBEDDINGS", "a whole number from 1")? })
}

/// Returns the circuit policy for a tenant's jobs. The ceiling of the cool-down is thirty times the first
/// cool-down.
pub fn circuit() -> Result<CircuitPolicy, ConfigError> {
    let cool_down = seconds("CIRCUIT_COOL_DOWN")?;
    Ok(CircuitPolicy {
        failures: parsed::<NonZeroU8>("CIRCUIT_FAILURES", "a whole number from 1 to 255")?,
        window: seconds("CIRCUIT_WINDOW")?,
        cool_down,
        // A later time of a job would count as damage.
        ceiling: cool_down.saturating_mul(30).min(MAX_PAUSE),
        lease: lease()?,
    })
}

/// Returns how long a worker may keep a job: one second longer than its time-out.
pub fn lease() -> Result<Duration, ConfigError> {
    Ok(seconds("WORKER_TIMEOUT")? + Duration::from_secs(1))
}

/// Returns the duration in the variable `name`, given in seconds.
pub fn seconds(name: &'static str) -> Result<Duration, ConfigError> {
    Ok(Duration::from_secs(parsed(name, "a whole number of seconds")?))
}

/// Returns the names of the tier's data stores.
pub fn session_settings() -> Result<SessionSettings, ConfigError> {
    Ok(SessionSettings {
        tenant_role_arn: required("TENANT_ROLE_ARN")?,
        table: required("TABLE")?,
        bucket: required("BUCKET")?,
    })
}
