//! Envelope encryption of a tenant's text, under the tenant's key.
//!
//! A data key comes from KMS under the encryption context `{tenant, purpose}`; the text
//! is encrypted with AES-256-GCM, and the value's own address is authenticated with it.
//! So a sealed value opens only in a session of its tenant (IAM), under its tenant's
//! context (KMS), and only at the address where it was sealed (the cipher).

mod address;
mod data_keys;

pub(crate) use address::Address;

use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::{EncryptionContext, Purpose};
use data_keys::{DataKey, DataKeys};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::error::Classify;

/// First byte of a sealed value.
const VERSION: u8 = 1;
const TAG_LEN: usize = 16;

/// A sealed value.
///
/// Layout: version (1 byte) · length of the wrapped data key (2 bytes, big endian) ·
/// wrapped data key · nonce (12 bytes) · ciphertext and tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Why a sealed value does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// The bytes are not a sealed value of a version we know.
    #[error("not a sealed value")]
    Malformed,
    /// The text or its address is not the one that was sealed.
    #[error("the content or its address was changed")]
    Tampered,
    /// The wrapped data key is not one of this tenant and purpose.
    #[error("the data key belongs to another tenant, purpose or key")]
    ForeignKey,
    /// The cipher could not be used.
    #[error("the cipher failed")]
    Cipher,
}

struct Parts<'a> {
    wrapped: &'a [u8],
    nonce: [u8; NONCE_LEN],
    ciphertext: &'a [u8],
}

impl Sealed {
    /// Returns the bytes as they are stored.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Takes bytes that claim to be a sealed value. Checked when opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn assemble(wrapped: &[u8], nonce: &[u8; NONCE_LEN], ciphertext: &[u8]) -> Result<Self, UnsealError> {
        let length = u16::try_from(wrapped.len()).map_err(|_| UnsealError::Malformed)?;
        let mut bytes = Vec::with_capacity(3 + wrapped.len() + NONCE_LEN + ciphertext.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(wrapped);
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(ciphertext);
        Ok(Self(bytes))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let (version, rest) = self.0.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (wrapped, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        let whole = *version == VERSION && !wrapped.is_empty() && ciphertext.len() >= TAG_LEN;
        whole.then_some(Parts { wrapped, nonce: *nonce, ciphertext })
    }
}

/// Seals and opens one tenant's values. Holds that tenant's data keys, and no other's.
pub(crate) struct Sealer {
    kms: aws_sdk_kms::Client,
    keys: DataKeys,
    random: SystemRandom,
}

impl Sealer {
    pub(crate) fn new(kms: aws_sdk_kms::Client) -> Self {
        Self { kms, keys: DataKeys::default(), random: SystemRandom::new() }
    }

    /// Seals `plaintext` for `purpose` at `address`, under the KMS key `key_arn`.
    pub(crate) async fn seal(
        &self,
        scope: &TenantScope<'_>,
        purpose: Purpose,
        key_arn: &str,
        address: &Address<'_>,
        plaintext: &[u8],
    ) -> Result<Sealed, StoreError> {
        const OPERATION: &str = "seal";
        let key = match self.keys.for_sealing(purpose, key_arn) {
            Some(key) => key,
            None => {
                let made = self
                    .kms
                    .generate_data_key()
                    .key_id(key_arn)
                    .key_spec(aws_sdk_kms::types::DataKeySpec::Aes256)
                    .set_encryption_context(Some(pairs(&scope.encryption_context(purpose))))
                    .send()
                    .await
                    .during("generate data key")?;
                let (Some(plain), Some(wrapped)) = (made.plaintext, made.ciphertext_blob) else {
                    return Err(StoreError::corrupt(OPERATION, "KMS answered without a data key"));
                };
                let plain = Zeroizing::new(plain.into_inner());
                self.keys.keep_for_sealing(purpose, key_arn, cipher(&plain)?, wrapped.into_inner())
            }
        };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| seal_error(UnsealError::Cipher))?;
        let mut text = plaintext.to_vec();
        key.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(address.to_bytes(purpose)),
                &mut text,
            )
            .map_err(|_| seal_error(UnsealError::Cipher))?;
        Sealed::assemble(&key.wrapped, &nonce, &text).map_err(seal_error)
    }

    /// Opens `sealed`, which was sealed for `purpose` at `address`.
    pub(crate) async fn open(
        &self,
        scope: &TenantScope<'_>,
        purpose: Purpose,
        key_arn: &str,
        address: &Address<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let parts = sealed.parts().ok_or(seal_error(UnsealError::Malformed))?;
        let key = match self.keys.for_opening(purpose, key_arn, parts.wrapped) {
            Some(key) => key,
            None => self.unwrap_key(scope, purpose, key_arn, parts.wrapped).await?,
        };
        let mut text = Zeroizing::new(parts.ciphertext.to_vec());
        let length = key
            .cipher
            .open_in_place(
                Nonce::assume_unique_for_key(parts.nonce),
                Aad::from(address.to_bytes(purpose)),
                &mut text,
            )
            .map_err(|_| seal_error(UnsealError::Tampered))?
            .len();
        text.truncate(length);
        Ok(text)
    }

    async fn unwrap_key(
        &self,
        scope: &TenantScope<'_>,
        purpose: Purpose,
        key_arn: &str,
        wrapped: &[u8],
    ) -> Result<std::sync::Arc<DataKey>, StoreError> {
        use aws_sdk_kms::operation::decrypt::DecryptError;

        let opened = self
            .kms
            .decrypt()
            // Named so that a ciphertext of any other key is refused.
            .key_id(key_arn)
            .ciphertext_blob(wrapped.to_vec().into())
            .set_encryption_context(Some(pairs(&scope.encryption_context(purpose))))
            .send()
            .await;
        let opened = match opened {
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    matches!(
                        error,
                        DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_)
                    )
                }) =>
            {
                return Err(seal_error(UnsealError::ForeignKey));
            }
            other => other.during("decrypt data key")?,
        };
        let plain =
            opened.plaintext.ok_or_else(|| StoreError::corrupt("open", "KMS answered without a data key"))?;
        let plain = Zeroizing::new(plain.into_inner());
        Ok(self.keys.keep_for_opening(purpose, key_arn, cipher(&plain)?, wrapped.to_vec()))
    }
}

fn seal_error(source: UnsealError) -> StoreError {
    StoreError::Seal { operation: "seal", source }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, StoreError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| seal_error(UnsealError::Cipher))
}

fn pairs(context: &EncryptionContext) -> std::collections::HashMap<String, String> {
    context.pairs().into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests;
