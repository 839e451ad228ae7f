use bulkhead_tenancy::names::Corpus;
use serde::{Deserialize, Serialize};

use super::items;
use crate::error::Classify;
use crate::{StoreError, TenantSession};

/// Where a tenant's data lies and how it is protected. Written when it is onboarded.
///
/// Key, bucket and model are recorded and never recomputed, so that new tenants can
/// get others without moving the old ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// ARN of the KMS key that wraps the tenant's data keys. Never an alias: some
    /// services refuse one.
    pub key_arn: String,
    /// The vector bucket that holds the tenant's indexes.
    pub vector_bucket: String,
    /// The corpus that documents go to.
    pub corpus: Corpus,
    /// The model that made the index's vectors.
    pub embedding_model: String,
    /// Length of the vectors.
    pub dimensions: u32,
}

/// The tenant's profile.
pub struct Profiles<'s> {
    session: TenantSession<'s>,
}

impl<'s> Profiles<'s> {
    pub(crate) fn new(session: TenantSession<'s>) -> Self {
        Self { session }
    }

    /// Reads the profile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self) -> Result<Option<Profile>, StoreError> {
        const OPERATION: &str = "read profile";
        let key = self.session.scope().profile_key();
        let found = items::get(&self.session, OPERATION, &key).await?;
        found.map(|item| items::record(OPERATION, item)).transpose()
    }

    /// Writes the profile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, profile: &Profile) -> Result<(), StoreError> {
        let key = self.session.scope().profile_key();
        self.session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(items::item(&key, profile)?))
            .send()
            .await
            .during("write profile")?;
        Ok(())
    }
}
