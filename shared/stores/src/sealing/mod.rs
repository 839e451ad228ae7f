//! Gets a tenant's data keys from KMS, under the encryption context `{tenant, purpose}`, in the tenant's
//! session.
//!
//! A sealed value opens only in a session of its tenant (IAM) and under its tenant's context (KMS). The
//! cipher opens it only at the address at which it was sealed.

mod data_keys;

use std::sync::Arc;

use aws_sdk_kms::operation::decrypt::DecryptError;
use bulkhead_sealing::{Address, DataKey, Envelope, Sealed, UnsealError};
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::{EncryptionContext, Purpose};
use data_keys::DataKeys;
use zeroize::Zeroizing;

use crate::error::{Classify, StoreError};

/// Seals and opens the values of one tenant. Holds only that tenant's data keys.
pub(crate) struct Sealer {
    kms: aws_sdk_kms::Client,
    keys: DataKeys,
}

impl Sealer {
    pub(crate) fn new(kms: aws_sdk_kms::Client) -> Self {
        Self { kms, keys: DataKeys::default() }
    }

    /// Seals `plaintext` at `address`, under the KMS key `key_arn`.
    pub(crate) async fn seal(
        &self,
        scope: &TenantScope<'_>,
        key_arn: &str,
        address: &Address,
        plaintext: &[u8],
    ) -> Result<Sealed, StoreError> {
        let purpose = address.purpose();
        let key = match self.keys.for_sealing(purpose, key_arn) {
            Some(key) => key,
            None => self.new_key(scope, purpose, key_arn).await?,
        };
        key.seal(address, plaintext).map_err(broken("seal"))
    }

    /// Opens `sealed`, which was read at `address`.
    pub(crate) async fn open(
        &self,
        scope: &TenantScope<'_>,
        key_arn: &str,
        address: &Address,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        // Checks the address before the call of KMS: a moved value needs no key.
        let envelope = sealed.envelope(address).map_err(broken("open"))?;
        let key = match self.keys.for_opening(address.purpose(), key_arn, envelope.wrapped_key()) {
            Some(key) => key,
            None => self.unwrap_once(scope, key_arn, &envelope).await?,
        };
        key.open(&envelope).map_err(broken("open"))
    }

    async fn new_key(
        &self,
        scope: &TenantScope<'_>,
        purpose: Purpose,
        key_arn: &str,
    ) -> Result<Arc<DataKey>, StoreError> {
        const OPERATION: &str = "generate data key";
        let made = self
            .kms
            .generate_data_key()
            .key_id(key_arn)
            .key_spec(aws_sdk_kms::types::DataKeySpec::Aes256)
            .set_encryption_context(Some(pairs(&scope.encryption_context(purpose))))
            .send()
            .await
            .during(OPERATION)?;
        let (Some(plain), Some(wrapped)) = (made.plaintext, made.ciphertext_blob) else {
            return Err(StoreError::corrupt(OPERATION, "KMS returned no data key"));
        };
        let plain = Zeroizing::new(plain.into_inner());
        let key = DataKey::new(&plain, wrapped.into_inner()).map_err(broken(OPERATION))?;
        Ok(self.keys.keep_for_sealing(purpose, key_arn, key))
    }

    /// Unwraps the data key, unless another call unwraps it at this time.
    async fn unwrap_once(
        &self,
        scope: &TenantScope<'_>,
        key_arn: &str,
        envelope: &Envelope<'_>,
    ) -> Result<Arc<DataKey>, StoreError> {
        let lock = self.keys.unwrapping(envelope.wrapped_key());
        let _alone = lock.lock().await;
        match self.keys.for_opening(envelope.address().purpose(), key_arn, envelope.wrapped_key()) {
            Some(key) => Ok(key),
            None => self.unwrap_key(scope, key_arn, envelope).await,
        }
    }

    async fn unwrap_key(
        &self,
        scope: &TenantScope<'_>,
        key_arn: &str,
        envelope: &Envelope<'_>,
    ) -> Result<Arc<DataKey>, StoreError> {
        const OPERATION: &str = "decrypt data key";
        let purpose = envelope.address().purpose();
        let wrapped = envelope.wrapped_key();
        let opened = self
            .kms
            .decrypt()
            // KMS refuses a ciphertext of another key.
            .key_id(key_arn)
            .ciphertext_blob(wrapped.to_vec().into())
            .set_encryption_context(Some(pairs(&scope.encryption_context(purpose))))
            .send()
            .await;
        let foreign = opened.as_ref().err().and_then(|error| match error.as_service_error()? {
            DecryptError::InvalidCiphertextException(_) => Some(UnsealError::ForeignContext),
            DecryptError::IncorrectKeyException(_) => Some(UnsealError::WrongKey),
            _ => None,
        });
        if let Some(foreign) = foreign {
            return Err(broken(OPERATION)(foreign));
        }
        let opened = opened.during(OPERATION)?;
        let plain =
            opened.plaintext.ok_or_else(|| StoreError::corrupt(OPERATION, "KMS returned no data key"))?;
        let plain = Zeroizing::new(plain.into_inner());
        let key = DataKey::new(&plain, wrapped.to_vec()).map_err(broken(OPERATION))?;
        Ok(self.keys.keep_for_opening(purpose, key_arn, key))
    }
}

fn broken(operation: &'static str) -> impl FnOnce(UnsealError) -> StoreError {
    move |source| StoreError::Seal { operation, source }
}

fn pairs(context: &EncryptionContext) -> std::collections::HashMap<String, String> {
    context.pairs().into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
