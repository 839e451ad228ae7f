//! The records of a tenant's documents.
//!
//! A document's content has *revisions*, numbered from 1. A record names the newest announced revision,
//! the newest received one (its bytes are stored) and the newest processed one. At most one revision is
//! *searchable* (the field `live`): searches return only its passages. One write of the record replaces it,
//! so a search never returns passages of two revisions.
//!
//! [`DocumentStatus`] shows the states.

mod announcement;
mod deletion;
mod external;
mod listing;
mod metadata;
mod progress;
mod record;
mod repository;

pub use external::Upsert;
pub use listing::DocumentFilter;
pub use metadata::{InvalidMetadata, Metadata, MetadataPatch, MetadataValue};
pub(crate) use metadata::{parse_key, vector_metadata_key};
pub use record::{Document, DocumentStatus, Extent, NewContent, WaitingReason};
pub(crate) use record::{IngestionState, JobLocation, NOT_DELETED};
pub use repository::{Documents, Replacement};
