//! The operator's private paths. The sandbox must not open them to a command.

use std::path::{Path, PathBuf};

use crate::sandbox::SandboxError;

/// Variables that name a file or folder with credentials of AWS.
const NAMED: [&str; 5] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
];
/// Profiles and caches of AWS, below the home. Private also before they exist.
const AWS: &str = ".aws";
/// Other credentials, below the home.
const OTHERS: [&str; 14] = [
    ".ssh",
    ".gnupg",
    ".kube",
    ".docker",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".local/share/keyrings",
    ".password-store",
    ".netrc",
    ".git-credentials",
    ".pgpass",
    ".npmrc",
    ".pypirc",
];

/// Paths that can hold credentials, without symbolic links.
pub(crate) struct PrivatePaths {
    /// The home. Folders within it may be opened.
    home: Option<PathBuf>,
    /// Credentials. Nothing within them may be opened.
    credentials: Vec<PathBuf>,
}

impl PrivatePaths {
    /// Returns the paths of the current user and environment.
    pub(crate) fn of_the_operator() -> Self {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let named = NAMED.iter().filter_map(std::env::var_os).map(PathBuf::from);
        let aws = home.iter().map(|home| home.join(AWS));
        let others = home.iter().flat_map(|home| OTHERS.iter().map(|name| home.join(name)));
        let credentials = named.chain(aws).chain(others.filter(|path| path.exists()));
        let credentials = credentials.map(|path| real(&path)).collect();
        Self { home: home.map(|home| real(&home)), credentials }
    }

    /// Fails if `opened` is a private path, contains one, or lies below credentials.
    pub(crate) fn refuse(&self, opened: &Path) -> Result<(), SandboxError> {
        let shown = opened.display().to_string();
        let resolved = opened.canonicalize().map_err(|error| SandboxError::Path(shown.clone(), error))?;
        let below = self.credentials.iter().find(|private| resolved.starts_with(private));
        let above = self.home.iter().chain(&self.credentials).find(|private| private.starts_with(&resolved));
        match below.or(above) {
            Some(private) => Err(SandboxError::Private {
                opened: shown,
                private: private.display().to_string(),
                advice: "use another folder",
            }),
            None => Ok(()),
        }
    }

    /// Fails if credentials lie in one of the folders that every command can read.
    pub(crate) fn refuse_in_system(&self, folders: &[&str]) -> Result<(), SandboxError> {
        for folder in folders {
            let Ok(resolved) = Path::new(folder).canonicalize() else { continue };
            let exposed =
                self.credentials.iter().find(|private| private.starts_with(&resolved) && private.exists());
            if let Some(private) = exposed {
                return Err(SandboxError::Private {
                    opened: (*folder).to_owned(),
                    private: private.display().to_string(),
                    advice: "move it out of the system folders, which every command can read",
                });
            }
        }
        Ok(())
    }
}

/// Resolves the symbolic links of the part of a path that exists.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let resolve = |existing: &Path| {
        let rest = absolute.strip_prefix(existing).ok()?;
        let existing = existing.canonicalize().ok()?;
        // A path that ends with a separator is not a file.
        Some(if rest.as_os_str().is_empty() { existing } else { existing.join(rest) })
    };
    absolute.ancestors().find_map(resolve).unwrap_or_else(|| absolute.clone())
}
