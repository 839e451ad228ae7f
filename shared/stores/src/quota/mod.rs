//! What a tenant uses of its tier: calls in flight, workers, and the rate of embeddings.
//!
//! The rules are pure code in [`bulkhead_resilience`]. These modules keep the ledgers in DynamoDB.

pub(crate) mod embedding_rate;
pub(crate) mod slots;
pub(crate) mod worker_slots;
