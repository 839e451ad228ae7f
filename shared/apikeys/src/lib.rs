#![doc = include_str!("../README.md")]

mod digest;
mod key;

pub use digest::KeyDigest;
pub use key::{ApiKey, InvalidApiKey, NoRandomness, PREFIX};
