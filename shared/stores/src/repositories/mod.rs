//! The data of one tenant, one module per kind.
//!
//! A repository derives keys from the scope of its session. Callers pass ids and never see a key.

pub(crate) mod api_keys;
pub(crate) mod commands;
pub(crate) mod documents;
pub(crate) mod file_name;
pub(crate) mod filter;
pub(crate) mod idempotency;
pub(crate) mod inferences;
pub(crate) mod models;
pub(crate) mod objects;
pub(crate) mod passages;
pub(crate) mod profile;
pub(crate) mod templates;
