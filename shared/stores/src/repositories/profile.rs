use std::sync::Arc;

use crate::error::{Classify, StoreError};
use crate::items;
use crate::session::{OwnBudget, Profile, TenantSession};

/// The tenant's profile.
pub struct Profiles<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the repository of the tenant's profile.
    pub fn profiles(&self) -> Profiles<'s> {
        Profiles { session: *self }
    }

    /// Returns the tenant's profile, at most one minute old.
    ///
    /// # Errors
    /// [`StoreError::NotOnboarded`] if the tenant has no profile.
    pub async fn profile(&self) -> Result<Arc<Profile>, StoreError> {
        if let Some(profile) = self.cached_profile().get() {
            return Ok(profile);
        }
        let profile = self.profiles().get().await?.ok_or(StoreError::NotOnboarded)?;
        Ok(self.cached_profile().put(profile))
    }
}

impl Profiles<'_> {
    /// Reads the profile.
    pub async fn get(&self) -> Result<Option<Profile>, StoreError> {
        const OPERATION: &str = "read profile";
        let key = self.session.scope().profile_key();
        let found = items::get(&self.session, OPERATION, &key).await?;
        found.map(|item| items::record(OPERATION, item)).transpose()
    }

    /// Writes the profile.
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

    /// Replaces the tenant's own budget.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the tenant has no profile.
    pub async fn put_budget(&self, budget: &OwnBudget) -> Result<(), StoreError> {
        const OPERATION: &str = "write budget";
        let key = self.session.scope().profile_key();
        self.session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(items::key_attributes(&key)))
            .update_expression("SET budget = :budget")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":budget", items::attribute(OPERATION, budget)?)
            .send()
            .await
            .during(OPERATION)?;
        Ok(())
    }
}
