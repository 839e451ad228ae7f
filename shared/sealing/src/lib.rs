#![doc = include_str!("../README.md")]

mod address;
mod data_key;
mod envelope;
mod error;

pub use address::{Address, Table};
pub use data_key::DataKey;
pub use envelope::{Envelope, Sealed};
pub use error::UnsealError;
