use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::{Address, Envelope, Sealed, UnsealError};

/// A data key and the form in which KMS wrapped it.
///
/// Nonces are random, so one key may seal far fewer than 2^32 values; its owner counts.
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
    /// Takes the 32 bytes of a key, and what KMS made of them.
    ///
    /// # Errors
    /// [`UnsealError::Cipher`] where `plain` has another length.
    pub fn new(plain: &[u8], wrapped: Vec<u8>) -> Result<Self, UnsealError> {
        let key = UnboundKey::new(&AES_256_GCM, plain).map_err(|_| UnsealError::Cipher)?;
        Ok(Self { cipher: LessSafeKey::new(key), wrapped })
    }

    /// Whether this is the key that `wrapped` unwraps to.
    pub fn wraps_to(&self, wrapped: &[u8]) -> bool {
        self.wrapped == wrapped
    }

    /// Seals `plaintext` at `address`.
    ///
    /// # Errors
    /// [`UnsealError::Cipher`].
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
    /// [`UnsealError::Tampered`], [`UnsealError::ForeignContext`] where it was sealed
    /// under another data key.
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
