//! Configuration from the environment, read once at start.

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use bulkhead_stores::{Cap, CircuitPolicy, SessionSettings, Throttle};
use bulkhead_tenancy::{IsolationMode, TenantId};

/// A function's environment is not as the template should have made it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A variable is missing or empty.
    #[error("environment variable {name} is not set; see the function's Environment in infra/tier.yaml")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A variable has a value that means nothing.
    #[error("environment variable {name} must be {expected}")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

/// Returns the value of the variable `name`.
///
/// # Errors
/// [`ConfigError::Missing`].
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or(ConfigError::Missing { name })
}

/// Returns the value of the variable `name`, where it is set.
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the name of the tier, for logs and metrics.
pub fn tier() -> String {
    std::env::var("TIER").unwrap_or_else(|_| "none".to_owned())
}

/// Returns the value of the variable `name` as a `T`.
///
/// # Errors
/// [`ConfigError`].
pub fn parsed<T: std::str::FromStr>(name: &'static str, expected: &'static str) -> Result<T, ConfigError> {
    required(name)?.parse().map_err(|_| ConfigError::Invalid { name, expected })
}

/// Returns the one tenant that a silo serves; none in a pooled tier.
///
/// # Errors
/// [`ConfigError`].
pub fn only_tenant() -> Result<Option<TenantId>, ConfigError> {
    const NAME: &str = "ONLY_TENANT";
    let invalid = |_| ConfigError::Invalid { name: NAME, expected: "a tenant id, or not set" };
    optional(NAME).map(|text| TenantId::parse(&text).map_err(invalid)).transpose()
}

/// Returns the tenant isolation mode in the variable `name`, as the template states it.
///
/// # Errors
/// [`ConfigError`].
pub fn isolation_mode(name: &'static str) -> Result<IsolationMode, ConfigError> {
    match required(name)?.as_str() {
        "PER_TENANT" => Ok(IsolationMode::PerTenant),
        "NONE" => Ok(IsolationMode::None),
        _ => Err(ConfigError::Invalid { name, expected: "PER_TENANT or NONE" }),
    }
}

/// A place of a call that died comes back after this time: more than the 29 s that API
/// Gateway waits for a function.
const HOLD_LIFE: Duration = Duration::from_secs(35);

/// Returns the most that one tenant may have of this tier.
///
/// # Errors
/// [`ConfigError`].
pub fn cap() -> Result<Cap, ConfigError> {
    const EXPECTED: &str = "a whole number from 1";
    Ok(Cap {
        in_flight: parsed("TENANT_IN_FLIGHT", EXPECTED)?,
        rate: parsed("TENANT_RATE", EXPECTED)?,
        burst: parsed("TENANT_BURST", EXPECTED)?,
        life: HOLD_LIFE,
    })
}

/// Returns how many of a tenant's jobs may run at once. There is no rate: the queue is fair.
///
/// # Errors
/// [`ConfigError`].
pub fn job_cap() -> Result<Cap, ConfigError> {
    let unlimited = NonZeroU32::MAX;
    Ok(Cap {
        in_flight: parsed("TENANT_JOBS", "a whole number from 1")?,
        rate: unlimited,
        burst: unlimited,
        life: lease()?,
    })
}

/// Returns how often a tenant's jobs may ask the embedding model.
///
/// # Errors
/// [`ConfigError`].
pub fn embeddings() -> Result<Throttle, ConfigError> {
    Ok(Throttle { rate: parsed("TENANT_EMBEDDINGS", "a whole number from 1")? })
}

/// Returns when a tenant's jobs are put aside, and for how long. The longest cool-down at all
/// is thirty times the first.
///
/// # Errors
/// [`ConfigError`].
pub fn circuit() -> Result<CircuitPolicy, ConfigError> {
    let cool_down = seconds("CIRCUIT_COOL_DOWN")?;
    Ok(CircuitPolicy {
        failures: parsed::<NonZeroU8>("CIRCUIT_FAILURES", "a whole number from 1 to 255")?,
        window: seconds("CIRCUIT_WINDOW")?,
        cool_down,
        ceiling: cool_down.saturating_mul(30),
        lease: lease()?,
    })
}

/// Returns for how long a worker has a job: a little longer than it may run.
///
/// # Errors
/// [`ConfigError`].
pub fn lease() -> Result<Duration, ConfigError> {
    Ok(seconds("WORKER_TIMEOUT")? + Duration::from_secs(1))
}

/// Returns the duration in the variable `name`, given in seconds.
///
/// # Errors
/// [`ConfigError`].
pub fn seconds(name: &'static str) -> Result<Duration, ConfigError> {
    Ok(Duration::from_secs(parsed(name, "a whole number of seconds")?))
}

/// Returns where tenants' data lies.
///
/// # Errors
/// [`ConfigError`].
pub fn session_settings() -> Result<SessionSettings, ConfigError> {
    Ok(SessionSettings {
        tenant_role_arn: required("TENANT_ROLE_ARN")?,
        table: required("TABLE")?,
        bucket: required("BUCKET")?,
    })
}
