#![doc = include_str!("../README.md")]

pub mod capacity;
pub mod circuit;
mod instant;
pub mod retry;

pub use instant::Instant;
