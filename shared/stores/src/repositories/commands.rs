use bulkhead_sealing::{Address, Sealed, Table};
use bulkhead_tenancy::names::{Purpose, RunId};

use crate::error::StoreError;
use crate::session::TenantSession;

/// The attribute with a run's sealed command line.
const COMMAND: &str = "command";

/// Seals and opens the command lines that operators run, because they may contain tenant data.
///
/// The records are stored in a table that no tenant session can reach. So a command cannot change its own
/// record.
pub struct Commands<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the sealing of operators' command lines.
    pub fn commands(&self) -> Commands<'s> {
        Commands { session: *self }
    }
}

impl Commands<'_> {
    /// Seals the command line of `run`.
    pub async fn seal(&self, run: &RunId, command: &[String]) -> Result<Vec<u8>, StoreError> {
        let text = serde_json::to_vec(command)
            .map_err(|error| StoreError::corrupt("seal command", error.to_string()))?;
        let profile = self.session.profile().await?;
        let scope = self.session.scope();
        let address = Address::item(Purpose::Run, Table::Runs, &scope.run_key(run), COMMAND);
        let sealed = self.session.sealer().seal(scope, &profile.key_arn, &address, &text).await?;
        Ok(sealed.into_bytes())
    }

    /// Opens the command line of `run`.
    pub async fn open(&self, run: &RunId, sealed: Vec<u8>) -> Result<Vec<String>, StoreError> {
        let profile = self.session.profile().await?;
        let scope = self.session.scope();
        let address = Address::item(Purpose::Run, Table::Runs, &scope.run_key(run), COMMAND);
        let sealed = Sealed::from_bytes(sealed);
        let text = self.session.sealer().open(scope, &profile.key_arn, &address, &sealed).await?;
        serde_json::from_slice(&text).map_err(|error| StoreError::corrupt("open command", error.to_string()))
    }
}
