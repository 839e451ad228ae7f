#![doc = include_str!("../README.md")]

pub mod capacity;
pub mod circuit;
mod instant;
pub mod retry;
pub mod throttle;

pub use instant::Instant;
