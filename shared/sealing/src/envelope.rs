use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::aead::NONCE_LEN;
use serde::{Deserialize, Serialize};

use crate::address::DIGEST_LEN;
use crate::{Address, UnsealError};

/// First byte of a sealed value.
const VERSION: u8 = 1;
pub(crate) const TAG_LEN: usize = 16;

/// A sealed value as stored. Untrusted until it is opened.
///
/// Serializes to base64 in text (JSON, metadata).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(Vec<u8>);

impl TryFrom<String> for Sealed {
    type Error = UnsealError;

    fn try_from(text: String) -> Result<Self, UnsealError> {
        BASE64_STANDARD.decode(text).map(Self).map_err(|_| UnsealError::Malformed)
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        BASE64_STANDARD.encode(sealed.0)
    }
}

/// The parsed parts of a sealed value. The address hash matches; the content is untrusted
/// until [`DataKey::open`](crate::DataKey::open).
#[derive(Debug)]
pub struct Envelope<'a> {
    pub(crate) address: &'a Address,
    pub(crate) wrapped: &'a [u8],
    pub(crate) nonce: [u8; NONCE_LEN],
    pub(crate) ciphertext: &'a [u8],
}

impl Sealed {
    /// Wraps bytes without checking them.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the stored bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn assemble(
        address: &Address,
        wrapped: &[u8],
        nonce: &[u8; NONCE_LEN],
        ciphertext: &[u8],
    ) -> Result<Self, UnsealError> {
        let wrapped_length = u16::try_from(wrapped.len()).map_err(|_| UnsealError::Malformed)?;
        let length = u32::try_from(ciphertext.len()).map_err(|_| UnsealError::Malformed)?;
        let digest = address.digest();
        let parts: [&[u8]; 7] = [
            &[VERSION],
            &wrapped_length.to_be_bytes(),
            &length.to_be_bytes(),
            &digest,
            wrapped,
            nonce,
            ciphertext,
        ];
        Ok(Self(parts.concat()))
    }

    /// Parses the value and checks that it was sealed at `address`. Decrypts nothing.
    ///
    /// # Errors
    /// [`UnsealError::Malformed`], [`UnsealError::Truncated`] or [`UnsealError::Moved`].
    pub fn envelope<'a>(&'a self, address: &'a Address) -> Result<Envelope<'a>, UnsealError> {
        use UnsealError::{Malformed, Truncated};
        let (version, rest) = self.0.split_first().ok_or(Truncated)?;
        if *version != VERSION {
            return Err(Malformed);
        }
        let (wrapped_length, rest) = rest.split_first_chunk::<2>().ok_or(Truncated)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(Truncated)?;
        let (digest, rest) = rest.split_first_chunk::<DIGEST_LEN>().ok_or(Truncated)?;
        let wrapped_length = usize::from(u16::from_be_bytes(*wrapped_length));
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
        if wrapped_length == 0 || length < TAG_LEN {
            return Err(Malformed);
        }
        let (wrapped, rest) = rest.split_at_checked(wrapped_length).ok_or(Truncated)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Truncated)?;
        if ciphertext.len() != length {
            return Err(Truncated);
        }
        if *digest != address.digest() {
            return Err(UnsealError::Moved);
        }
        Ok(Envelope { address, wrapped, nonce: *nonce, ciphertext })
    }
}

impl Envelope<'_> {
    /// Returns the data key as KMS wrapped it.
    pub fn wrapped_key(&self) -> &[u8] {
        self.wrapped
    }

    /// Returns the address of the value.
    pub fn address(&self) -> &Address {
        self.address
    }
}
