//! Configuration from the environment, read once at start.

use bulkhead_stores::SessionSettings;
use bulkhead_tenancy::IsolationMode;

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
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing { name })
}

/// Returns the value of the variable `name` as a `T`.
///
/// # Errors
/// [`ConfigError`].
pub fn parsed<T: std::str::FromStr>(name: &'static str, expected: &'static str) -> Result<T, ConfigError> {
    required(name)?.parse().map_err(|_| ConfigError::Invalid { name, expected })
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
