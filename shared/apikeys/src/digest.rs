use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// Separates these digests from all other uses of SHA-256.
const DOMAIN: &[u8] = b"bulkhead api key 1\0";

/// The SHA-256 of a whole key: what is stored of it.
///
/// The secret has 256 random bits, so no dictionary finds it, and a plain hash is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest([u8; SHA256_OUTPUT_LEN]);

impl KeyDigest {
    pub(crate) fn of(text: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(DOMAIN);
        context.update(text.as_bytes());
        let whole = context.finish();
        Self(std::array::from_fn(|at| whole.as_ref().get(at).copied().unwrap_or_default()))
    }

    /// Returns a stored digest; `None` if `bytes` has another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether both digests are equal, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        let differences = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differences) == 0
    }
}
