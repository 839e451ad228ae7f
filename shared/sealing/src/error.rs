/// Why a sealed value does not open. Each way of tampering has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// The bytes are not a sealed value of a version we know.
    #[error("not a sealed value")]
    Malformed,
    /// Bytes are missing, or follow that do not belong to it.
    #[error("the sealed value was cut or lengthened")]
    Truncated,
    /// The value was sealed for another purpose, item, attribute, version or tenant.
    #[error("the sealed value was moved from another address")]
    Moved,
    /// The text, its nonce or its tag is not what was sealed.
    #[error("the sealed value was changed")]
    Tampered,
    /// KMS does not unwrap the data key under this tenant and purpose.
    #[error("the data key belongs to another tenant or purpose, or was changed")]
    ForeignContext,
    /// The data key was wrapped by another KMS key than the tenant's.
    #[error("the data key was wrapped by another KMS key")]
    WrongKey,
    /// The cipher could not be used.
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
