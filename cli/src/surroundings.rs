//! What the command finds around it: a home of its own, one tenant's session, that
//! tenant's names, and nothing of the operator's.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use bulkhead_operator::Operator;
use bulkhead_stores::SessionCredentials;
use bulkhead_tenancy::TenantId;
use serde_json::Value;
use tempfile::TempDir;

/// Variables that say how to talk to a person, and where programs are.
const KEPT: [&str; 8] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM", "NO_COLOR", "TZ"];
/// The tenant's names, as the control plane gives them, and the variables they go to.
const NAMES: [(&str, &str); 7] = [
    ("table", "BULKHEAD_TABLE"),
    ("partition", "BULKHEAD_PARTITION"),
    ("bucket", "BULKHEAD_BUCKET"),
    ("prefix", "BULKHEAD_PREFIX"),
    ("vector_bucket", "BULKHEAD_VECTOR_BUCKET"),
    ("index", "BULKHEAD_INDEX"),
    ("key_arn", "BULKHEAD_KEY_ARN"),
];

/// Why a command's surroundings cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SurroundingsError {
    /// A variable that would bring in somebody's own access.
    #[error("{0} is not passed on: the command works with the tenant's session alone")]
    Variable(String),
    /// No temporary folder.
    #[error("a home for the command cannot be made")]
    Home(#[from] io::Error),
}

/// The command's surroundings. Its home is deleted with this.
pub(crate) struct Surroundings {
    home: TempDir,
    kept: Vec<(String, OsString)>,
}

impl Surroundings {
    /// Prepares a home, and takes over the variables that may be.
    pub(crate) fn prepare(also: &[String]) -> Result<Self, SurroundingsError> {
        if let Some(name) = also.iter().find(|name| name.starts_with("AWS_") || *name == "HOME") {
            return Err(SurroundingsError::Variable(name.clone()));
        }
        let names = KEPT.into_iter().chain(also.iter().map(String::as_str));
        let kept = names.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
        let home = tempfile::Builder::new().prefix("bulkhead-run-").tempdir()?;
        Ok(Self { home, kept })
    }

    /// Returns the command's home: the only place it may write to besides where it runs.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Replaces everything that `child` would have inherited.
    pub(crate) fn apply(
        &self,
        child: &mut tokio::process::Command,
        operator: &Operator,
        session: &SessionCredentials,
        tenant: &TenantId,
        begun: &Value,
    ) {
        child
            .env_clear()
            .envs(self.kept.iter().map(|(name, value)| (name, value)))
            .env("HOME", self.home())
            .env("TMPDIR", self.home())
            .env("AWS_ACCESS_KEY_ID", &session.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
            .env("AWS_SESSION_TOKEN", &session.session_token)
            .env("AWS_REGION", operator.region())
            .env("AWS_DEFAULT_REGION", operator.region())
            // No second way to credentials, whatever an SDK tries after the variables.
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("BULKHEAD_TENANT", tenant.as_str());
        if let Some(endpoint) = operator.endpoint() {
            child.env("AWS_ENDPOINT_URL", endpoint);
        }
        let names = begun.get("names");
        for (name, variable) in NAMES {
            if let Some(value) = names.and_then(|names| names.get(name)).and_then(Value::as_str) {
                child.env(variable, value);
            }
        }
    }
}

/// Files and folders that hold an operator's own access: no path that is opened to a
/// command may lead to one of them.
pub(crate) fn private_paths() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let named = [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    let named = named.iter().filter_map(std::env::var_os).map(PathBuf::from);
    home.into_iter().flat_map(|home| [home.join(".aws"), home]).chain(named).collect()
}
