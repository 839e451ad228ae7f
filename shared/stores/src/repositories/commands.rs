use bulkhead_sealing::{Address, Sealed, Table};
use bulkhead_tenancy::names::{Purpose, RunId};

use crate::error::StoreError;
use crate::items;
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
        let sealed = items::seal_at(&self.session, &self.address(run), &command).await?;
        Ok(sealed.into_bytes())
    }

    /// Opens the command line of `run`.
    pub async fn open(&self, run: &RunId, sealed: Vec<u8>) -> Result<Vec<String>, StoreError> {
        items::open_at(&self.session, &self.address(run), &Sealed::from_bytes(sealed)).await
    }

    fn address(&self, run: &RunId) -> Address {
        Address::item(Purpose::Run, Table::Runs, &self.session.scope().run_key(run), COMMAND)
    }
}
