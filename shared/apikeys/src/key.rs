use std::fmt::{self, Write};

use bulkhead_tenancy::TenantId;
use bulkhead_tenancy::names::ApiKeyId;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::KeyDigest;

/// How every key begins.
pub const PREFIX: &str = "bk_";
/// Bytes of the secret.
const SECRET_LEN: usize = 32;
/// Bytes of the checksum.
const CHECKSUM_LEN: usize = 4;
/// Characters of the last part: secret and checksum in hexadecimal.
const LAST_PART: usize = 2 * (SECRET_LEN + CHECKSUM_LEN);

/// The text is not a key, or has a typing error. The message leaves the text out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not an API key")]
pub struct InvalidApiKey;

/// The system has no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random numbers")]
pub struct NoRandomness;

/// An API key with its secret. A parsed key proves nothing until its digest equals the stored one.
#[derive(Clone)]
pub struct ApiKey {
    text: Zeroizing<String>,
    stage: String,
    tenant: TenantId,
    id: ApiKeyId,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("tenant", &self.tenant).field("id", &self.id).finish_non_exhaustive()
    }
}

impl ApiKey {
    /// Returns a key with a new secret.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(stage: &str, tenant: &TenantId, id: &ApiKeyId) -> Result<Self, NoRandomness> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        SystemRandom::new().fill(&mut *secret).map_err(|_| NoRandomness)?;
        // The capacity of the whole text, so that no copy of the secret stays behind.
        let mut text = Zeroizing::new(String::with_capacity(160));
        text.push_str(PREFIX);
        for part in [stage, tenant.as_str(), id.as_str()] {
            text.push_str(part);
            text.push('_');
        }
        push_hex(&mut text, &*secret);
        let checksum = checksum(&text);
        push_hex(&mut text, &checksum);
        Ok(Self { text, stage: stage.to_owned(), tenant: tenant.clone(), id: id.clone() })
    }

    /// Parses the text of a key.
    ///
    /// # Errors
    /// [`InvalidApiKey`] for another form or a wrong checksum.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(InvalidApiKey)?.split('_');
        let mut next = || parts.next().ok_or(InvalidApiKey);
        let (stage, tenant, id, last) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() || !is_stage(stage) || last.len() != LAST_PART || !last.bytes().all(is_hex)
        {
            return Err(InvalidApiKey);
        }
        let (body, stated) = text.split_at_checked(text.len() - 2 * CHECKSUM_LEN).ok_or(InvalidApiKey)?;
        let mut expected = String::new();
        push_hex(&mut expected, &checksum(body));
        if expected != stated {
            return Err(InvalidApiKey);
        }
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            stage: stage.to_owned(),
            tenant: TenantId::parse(tenant).map_err(|_| InvalidApiKey)?,
            id: ApiKeyId::parse(id).map_err(|_| InvalidApiKey)?,
        })
    }

    /// Returns the whole key, for its owner. Never write it to a log.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the stage that the key names.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Returns the tenant that the key names.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns the key's id, which is no secret.
    pub fn id(&self) -> &ApiKeyId {
        &self.id
    }

    /// Returns the digest of the whole key.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.text)
    }
}

/// The form of a stage, as `infra/stage-name.yaml` requires it.
fn is_stage(text: &str) -> bool {
    (2..=12).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn checksum(text: &str) -> [u8; CHECKSUM_LEN] {
    let whole = digest(&SHA256, text.as_bytes());
    std::array::from_fn(|at| whole.as_ref().get(at).copied().unwrap_or_default())
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
}
