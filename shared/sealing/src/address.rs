use bulkhead_tenancy::names::{ItemKey, MessageGroup, Purpose, VectorIndexName};
use ring::digest::{SHA256, digest};

/// Bytes of an address' hash that are kept with a value.
pub(crate) const DIGEST_LEN: usize = 16;

/// Where a sealed value lies and what it is for. Authenticated with it, so that a copy
/// elsewhere does not open.
///
/// Made of derived names, so an address is always one tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    purpose: Purpose,
    bytes: Vec<u8>,
}

impl Address {
    /// An attribute of an item in a table.
    pub fn item(purpose: Purpose, table: &str, key: &ItemKey, attribute: &str) -> Self {
        Self::new(purpose, [table, key.partition(), key.sort(), attribute])
    }

    /// The text of one vector of an index.
    pub fn vector(index: &VectorIndexName, key: &str) -> Self {
        Self::new(Purpose::Passage, ["s3vectors", index.as_str(), key, "passage"])
    }

    /// A job on its way through the queue.
    pub fn job(group: &MessageGroup) -> Self {
        Self::new(Purpose::Job, ["sqs", group.as_str(), "", "job"])
    }

    /// Every part after its length, so that no two addresses have the same bytes.
    fn new(purpose: Purpose, parts: [&str; 4]) -> Self {
        let mut bytes = b"bulkhead sealed value 1".to_vec();
        for part in [purpose.as_str()].into_iter().chain(parts) {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self { purpose, bytes }
    }

    /// Returns what the value is for; part of the encryption context of its data key.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn digest(&self) -> [u8; DIGEST_LEN] {
        let whole = digest(&SHA256, &self.bytes);
        std::array::from_fn(|at| whole.as_ref().get(at).copied().unwrap_or_default())
    }

    /// What is authenticated with a value: its address and its wrapped data key.
    pub(crate) fn authenticated(&self, wrapped: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.extend_from_slice(&(wrapped.len() as u64).to_be_bytes());
        bytes.extend_from_slice(wrapped);
        bytes
    }
}
