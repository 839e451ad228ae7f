#![doc = include_str!("../README.md")]

pub mod circuit;
pub mod quota;
pub mod retry;
pub mod throttle;
mod timestamp;

pub use timestamp::{InvalidTimestamp, Timestamp, rfc3339};
