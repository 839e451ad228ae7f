//! What a tenant uses of its tier: calls in flight, workers, the rate of embeddings, tokens and money.
//!
//! The rules are pure code in [`bulkhead_resilience`]. These modules keep the ledgers in DynamoDB.

pub(crate) mod budget;
pub(crate) mod embedding_rate;
pub(crate) mod slots;
pub(crate) mod usage;
pub(crate) mod worker_slots;
