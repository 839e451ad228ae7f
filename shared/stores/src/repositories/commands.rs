use bulkhead_sealing::{Address, Sealed};
use bulkhead_tenancy::names::{Purpose, RunId};

use crate::{StoreError, TenantSession};

/// The attribute that holds a run's sealed command line.
const COMMAND: &str = "command";

/// Sealing and opening of what operators ran: a command line may quote tenant data.
///
/// The records themselves lie where no tenant's session reaches them, so that what was
/// run in a session cannot be changed from within it.
pub struct Commands<'s> {
    session: TenantSession<'s>,
}

impl<'s> Commands<'s> {
    pub(crate) fn new(session: TenantSession<'s>) -> Self {
        Self { session }
    }

    /// Seals the command line of `run`, to be kept in `table`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seal(&self, table: &str, run: &RunId, command: &[String]) -> Result<Vec<u8>, StoreError> {
        let text = serde_json::to_vec(command)
            .map_err(|error| StoreError::corrupt("seal command", error.to_string()))?;
        let profile = self.session.profile().await?;
        let scope = self.session.scope();
        let address = Address::item(Purpose::Run, table, &scope.run_key(run), COMMAND);
        let sealed = self.session.sealer().seal(scope, &profile.key_arn, &address, &text).await?;
        Ok(sealed.into_bytes())
    }

    /// Opens the command line of `run`, found in `table`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(&self, table: &str, run: &RunId, sealed: Vec<u8>) -> Result<Vec<String>, StoreError> {
        let profile = self.session.profile().await?;
        let scope = self.session.scope();
        let address = Address::item(Purpose::Run, table, &scope.run_key(run), COMMAND);
        let sealed = Sealed::from_bytes(sealed);
        let text = self.session.sealer().open(scope, &profile.key_arn, &address, &sealed).await?;
        serde_json::from_slice(&text).map_err(|error| StoreError::corrupt("open command", error.to_string()))
    }
}
