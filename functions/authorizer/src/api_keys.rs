//! Verifies API keys: the other kind of bearer beside tokens.

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_stores::{ApiKey, ApiKeyTable, KeyRefusal, Platform, StoreError, now};
use bulkhead_tenancy::{Role, TenantId};

/// A verified key.
#[derive(Debug)]
pub(crate) struct VerifiedKey {
    /// The key's tenant. The registry decides whether it is served.
    pub(crate) tenant: TenantId,
    /// What the key's callers may do.
    pub(crate) role: Role,
    /// The name of the caller: `key:<id>`.
    pub(crate) subject: String,
}

/// The API keys of one stage.
pub(crate) struct ApiKeys {
    table: ApiKeyTable,
    stage: String,
}

impl ApiKeys {
    pub(crate) fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        let table = ApiKeyTable::new(platform, &config::required("API_KEYS_TABLE")?);
        Ok(Self { table, stage: config::required("STAGE")? })
    }

    /// Reads a key of this stage without a call: its form, its checksum and its stage.
    ///
    /// # Errors
    /// The reason of the refusal, for metrics.
    pub(crate) fn read(&self, text: &str) -> Result<ApiKey, &'static str> {
        let key = ApiKey::parse(text).map_err(|_| "key_malformed")?;
        if key.stage() != self.stage { Err("key_of_another_stage") } else { Ok(key) }
    }

    /// Compares the key with the stored digest.
    pub(crate) async fn verify(&self, key: ApiKey) -> Result<Result<VerifiedKey, KeyRefusal>, StoreError> {
        Ok(self.table.verify(&key, now()).await?.map(|role| VerifiedKey {
            tenant: key.tenant().clone(),
            role,
            subject: format!("{SUBJECT}{}", key.id()),
        }))
    }
}

/// How the subject of a key begins.
const SUBJECT: &str = "key:";

/// Returns the subject of a token, unless it looks like the subject of a key.
pub(crate) fn subject_of_token(subject: Option<String>) -> Option<String> {
    subject.filter(|subject| !subject.starts_with(SUBJECT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_cannot_have_the_subject_of_a_key() {
        let subject = |text: &str| subject_of_token(Some(text.to_owned()));
        assert_eq!(subject("ada").as_deref(), Some("ada"));
        assert_eq!(subject("keymaster").as_deref(), Some("keymaster"));
        assert_eq!(subject("key:0123456789abcdef"), None);
        assert_eq!(subject("key:"), None);
    }
}
