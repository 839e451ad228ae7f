use bulkhead_tenancy::names::{ItemKey, MessageGroup, Purpose, VectorIndexName};
use ring::digest::{SHA256, digest};

/// Bytes of an address's hash stored with a value.
pub(crate) const DIGEST_LEN: usize = 16;

/// A table of sealed values, by its role. The physical name is not part of an address: it changes when a table is
/// restored from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The items of the tenants.
    Tenants,
    /// The records of the operators' runs.
    Runs,
    /// The API keys of the tenants.
    ApiKeys,
}

impl Table {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tenants => "tenants",
            Self::Runs => "runs",
            Self::ApiKeys => "api-keys",
        }
    }
}

/// The location and purpose of a sealed value. Authenticated with the value, so a copy at
/// another address does not open.
///
/// Built from derived names, so an address always belongs to one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    purpose: Purpose,
    bytes: Vec<u8>,
}

impl Address {
    /// Returns the address of an attribute of an item in a table.
    pub fn item(purpose: Purpose, table: Table, key: &ItemKey, attribute: &str) -> Self {
        Self::new(purpose, [table.as_str(), key.partition(), key.sort(), attribute])
    }

    /// Returns the address of the passage of one vector in an index.
    pub fn vector(index: &VectorIndexName, key: &str) -> Self {
        Self::new(Purpose::Passage, ["s3vectors", index.as_str(), key, "passage"])
    }

    /// Returns the address of a job in the queue.
    pub fn job(group: &MessageGroup) -> Self {
        Self::new(Purpose::Job, ["sqs", group.as_str(), "", "job"])
    }

    /// Prefixes every part with its length, so different addresses have different bytes.
    fn new(purpose: Purpose, parts: [&str; 4]) -> Self {
        let mut bytes = b"bulkhead sealed value 1".to_vec();
        for part in [purpose.as_str()].into_iter().chain(parts) {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self { purpose, bytes }
    }

    /// Returns the purpose, which is part of the encryption context of the data key.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn digest(&self) -> [u8; DIGEST_LEN] {
        let whole = digest(&SHA256, &self.bytes);
        std::array::from_fn(|at| whole.as_ref().get(at).copied().unwrap_or_default())
    }

    /// Returns the associated data of a value: its address and its wrapped data key.
    pub(crate) fn authenticated(&self, wrapped: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.extend_from_slice(&(wrapped.len() as u64).to_be_bytes());
        bytes.extend_from_slice(wrapped);
        bytes
    }
}
