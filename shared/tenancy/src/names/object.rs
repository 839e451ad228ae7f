use super::{DocumentId, Revision};
use crate::TenantScope;

/// A prefix of a tenant's object keys, ending in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPrefix(String);

impl ObjectPrefix {
    /// Returns the prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key of one object of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantScope<'_> {
    /// Returns the prefix of all objects of the tenant: `t/<id>/`.
    pub fn object_prefix(&self) -> ObjectPrefix {
        ObjectPrefix(format!("t/{}/", self.tenant()))
    }

    /// Returns the prefix of all objects of `document`.
    pub fn document_objects(&self, document: &DocumentId) -> ObjectPrefix {
        ObjectPrefix(format!("{}documents/{document}/", self.object_prefix().as_str()))
    }

    /// Returns the key for the uploaded bytes of a revision of `document`.
    pub fn document_source(&self, document: &DocumentId, revision: Revision) -> ObjectKey {
        let objects = self.document_objects(document);
        ObjectKey(format!("{}{SOURCE}{}", objects.as_str(), revision.in_name()))
    }
}

/// Prefix of the object name of uploaded bytes; the revision follows.
const SOURCE: &str = "source.";

/// Splits the key of an upload into tenant, document and revision, not validated.
pub(crate) fn source_object(key: &str) -> Option<(&str, &str, &str)> {
    let mut parts = key.split('/');
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        ("t", tenant, "documents", document, source, None) => {
            Some((tenant, document, source.strip_prefix(SOURCE)?))
        }
        _ => None,
    }
}
