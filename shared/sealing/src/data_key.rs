use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::{Address, Envelope, Sealed, UnsealError};

/// A data key, in plain and in the form that KMS wrapped.
///
/// Nonces are random, so one key must seal far fewer than 2^32 values. The caller counts.
pub struct DataKey {
    cipher: LessSafeKey,
    wrapped: Vec<u8>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// Returns a data key from its 32 bytes and their wrapped form.
    ///
    /// # Errors
    /// [`UnsealError::Cipher`] if `plain` is not 32 bytes long.
    pub fn new(plain: &[u8], wrapped: Vec<u8>) -> Result<Self, UnsealError> {
        let key = UnboundKey::new(&AES_256_GCM, plain).map_err(|_| UnsealError::Cipher)?;
        Ok(Self { cipher: LessSafeKey::new(key), wrapped })
    }

    /// Returns whether `wrapped` is the wrapped form of this key.
    pub fn wraps_to(&self, wrapped: &[u8]) -> bool {
        self.wrapped == wrapped
    }

    /// Seals `plaintext` at `address`.
    pub fn seal(&self, address: &Address, plaintext: &[u8]) -> Result<Sealed, UnsealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| UnsealError::Cipher)?;
        let mut text = plaintext.to_vec();
        self.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(address.authenticated(&self.wrapped)),
                &mut text,
            )
            .map_err(|_| UnsealError::Cipher)?;
        Sealed::assemble(address, &self.wrapped, &nonce, &text)
    }

    /// Opens `envelope`.
    ///
    /// # Errors
    /// [`UnsealError::ForeignContext`] if the value was sealed under another data key,
    /// [`UnsealError::Tampered`] if its content was changed.
    pub fn open(&self, envelope: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        if !self.wraps_to(envelope.wrapped) {
            return Err(UnsealError::ForeignContext);
        }
        let mut text = Zeroizing::new(envelope.ciphertext.to_vec());
        let length = self
            .cipher
            .open_in_place(
                Nonce::assume_unique_for_key(envelope.nonce),
                Aad::from(envelope.address.authenticated(envelope.wrapped)),
                &mut text,
            )
            .map_err(|_| UnsealError::Tampered)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}
