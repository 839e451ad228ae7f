/// Why a sealed value does not open. Each kind of damage has its own variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// The bytes are not a sealed value of a known version.
    #[error("the bytes are not a sealed value")]
    Malformed,
    /// The value is shorter or longer than its lengths say.
    #[error("the sealed value was truncated or extended")]
    Truncated,
    /// The value was sealed for another purpose, item, attribute, version or tenant.
    #[error("the sealed value was moved from another address")]
    Moved,
    /// The ciphertext, its nonce or its tag was changed.
    #[error("the sealed value was changed")]
    Tampered,
    /// KMS does not unwrap the data key under this tenant and purpose.
    #[error("the data key belongs to another tenant or purpose, or was changed")]
    ForeignContext,
    /// The data key was wrapped by a KMS key that is not the tenant's.
    #[error("the data key was wrapped by another KMS key")]
    WrongKey,
    /// The cipher or the random generator failed, or the key has a wrong length.
    #[error("the cipher failed")]
    Cipher,
}

impl UnsealError {
    /// Returns a short, stable code for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "seal_malformed",
            Self::Truncated => "seal_truncated",
            Self::Moved => "seal_moved",
            Self::Tampered => "seal_tampered",
            Self::ForeignContext => "seal_foreign_context",
            Self::WrongKey => "seal_wrong_key",
            Self::Cipher => "seal_cipher",
        }
    }
}
