//! The environment of a command: a temporary home, one tenant's session and resource names,
//! and no credentials of the operator.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use bulkhead_operator::{Operator, Run};
use bulkhead_tenancy::TenantId;
use serde_json::Value;
use tempfile::TempDir;

/// Inherited variables: program path, language, terminal, time zone.
const INHERITED: [&str; 8] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM", "NO_COLOR", "TZ"];
/// The tenant's resource names in the control plane's response, and their variables.
const NAMES: [(&str, &str); 7] = [
    ("table", "BULKHEAD_TABLE"),
    ("partition", "BULKHEAD_PARTITION"),
    ("bucket", "BULKHEAD_BUCKET"),
    ("prefix", "BULKHEAD_PREFIX"),
    ("vector_bucket", "BULKHEAD_VECTOR_BUCKET"),
    ("index", "BULKHEAD_INDEX"),
    ("key_arn", "BULKHEAD_KEY_ARN"),
];

/// Why the environment of a command could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    /// The variable could hold the operator's credentials.
    #[error("`{0}` is not passed on, because the command uses only the tenant's session")]
    Variable(String),
    /// The temporary folder could not be created.
    #[error("cannot create a temporary home for the command")]
    Home(#[from] io::Error),
}

/// The environment of a command. Dropping it deletes the home.
pub(crate) struct CommandEnvironment {
    home: TempDir,
    inherited: Vec<(String, OsString)>,
    udp: bool,
}

impl CommandEnvironment {
    /// Creates a home and collects the inherited variables and those named in `also`. Without `udp`, names are resolved
    /// over TCP.
    pub(crate) fn prepare(also: &[String], udp: bool) -> Result<Self, EnvironmentError> {
        if let Some(name) = also.iter().find(|name| name.starts_with("AWS_") || *name == "HOME") {
            return Err(EnvironmentError::Variable(name.clone()));
        }
        let names = INHERITED.into_iter().chain(also.iter().map(String::as_str));
        let inherited = names.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
        let home = tempfile::Builder::new().prefix("bulkhead-run-").tempdir()?;
        Ok(Self { home, inherited, udp })
    }

    /// Returns the command's home: with the working directory, the only writable folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Replaces the inherited environment of `child`.
    pub(crate) fn apply(
        &self,
        child: &mut tokio::process::Command,
        operator: &Operator,
        tenant: &TenantId,
        run: &Run,
    ) {
        let session = &run.credentials;
        child
            .env_clear()
            .envs(self.inherited.iter().map(|(name, value)| (name, value)))
            .env("HOME", self.home())
            .env("TMPDIR", self.home())
            .env("AWS_ACCESS_KEY_ID", &session.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
            .env("AWS_SESSION_TOKEN", &session.session_token)
            .env("AWS_REGION", operator.region())
            .env("AWS_DEFAULT_REGION", operator.region())
            // Closes the other sources in an SDK's credential chain.
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("BULKHEAD_TENANT", tenant.as_str());
        if !self.udp {
            // For the resolver of glibc.
            child.env("RES_OPTIONS", "use-vc");
        }
        if let Some(endpoint) = operator.endpoint() {
            child.env("AWS_ENDPOINT_URL", endpoint);
        }
        for (name, variable) in NAMES {
            if let Some(value) = run.names.get(name).and_then(Value::as_str) {
                child.env(variable, value);
            }
        }
    }
}
