use bulkhead_tenancy::names::{ItemKey, Purpose};

/// Where a sealed value lies. Authenticated with it, so a copy elsewhere does not open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address<'a> {
    store: &'a str,
    container: &'a str,
    key: &'a str,
    attribute: &'a str,
}

impl<'a> Address<'a> {
    /// An attribute of an item in a table.
    pub(crate) fn item(table: &'a str, key: &'a ItemKey, attribute: &'a str) -> Self {
        Self { store: table, container: key.partition(), key: key.sort(), attribute }
    }

    /// A value that belongs to one vector of an index.
    pub(crate) fn vector(index: &'a str, key: &'a str) -> Self {
        Self { store: "s3vectors", container: index, key, attribute: "passage" }
    }

    /// A job on its way through the queue.
    pub(crate) fn job(group: &'a str) -> Self {
        Self { store: "sqs", container: group, key: "", attribute: "job" }
    }

    /// Returns the bytes to authenticate: every part after its length, so that no two
    /// addresses have the same bytes.
    pub(crate) fn to_bytes(self, purpose: Purpose) -> Vec<u8> {
        let mut bytes = b"bulkhead sealed value 1".to_vec();
        for part in [purpose.as_str(), self.store, self.container, self.key, self.attribute] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}
