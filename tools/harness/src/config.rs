//! The configuration file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The configuration of a harness.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Port on loopback; 0 for a free port.
    pub(crate) port: u16,
    /// Folder of the environments' logs.
    pub(crate) logs: PathBuf,
    pub(crate) region: String,
    pub(crate) account: String,
    /// Seed of the random choices. Default: a random seed, which is printed.
    pub(crate) seed: Option<u64>,
    /// Whether a caller may deliver an event to another tenant's environment.
    #[serde(default)]
    pub(crate) misroute: bool,
    pub(crate) functions: BTreeMap<String, FunctionConfig>,
}

/// The configuration of a function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionConfig {
    pub(crate) bootstrap: PathBuf,
    pub(crate) isolation: Isolation,
    pub(crate) reserved_concurrency: usize,
    pub(crate) memory_size: u32,
    pub(crate) timeout_seconds: f64,
    /// The function's own environment variables, without Lambda's.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) credentials: Credentials,
}

/// `TenancyConfig.TenantIsolationMode`; `None` if the function has no tenancy configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Isolation {
    #[serde(rename = "PER_TENANT")]
    PerTenant,
    #[serde(rename = "NONE")]
    None,
}

/// A session of the function's execution role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

// Not derived, so that printing a configuration never shows the credentials.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read `{path}`: {source}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("`{path}` is not a valid configuration: {source}")]
    Malformed { path: String, source: serde_json::Error },
    #[error("function `{name}`: {problem}")]
    Function { name: String, problem: &'static str },
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = || path.display().to_string();
        let text = std::fs::read(path).map_err(|source| ConfigError::Unreadable { path: shown(), source })?;
        let config: Self = serde_json::from_slice(&text)
            .map_err(|source| ConfigError::Malformed { path: shown(), source })?;
        for (name, function) in &config.functions {
            function.check().map_err(|problem| ConfigError::Function { name: name.clone(), problem })?;
        }
        Ok(config)
    }
}

impl FunctionConfig {
    fn check(&self) -> Result<(), &'static str> {
        if !self.bootstrap.is_file() {
            return Err("the bootstrap does not exist; build it first");
        }
        match Duration::try_from_secs_f64(self.timeout_seconds) {
            Ok(timeout) if (1..=900).contains(&timeout.as_secs()) => Ok(()),
            _ => Err("the timeout must be 1 to 900 seconds"),
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout_seconds)
    }

    /// Returns the maximum number of environments with tenant isolation, idle ones included:
    /// 2,500 per 1,000 concurrent executions.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>
    pub(crate) fn environment_limit(&self) -> usize {
        self.reserved_concurrency * 5 / 2
    }
}
