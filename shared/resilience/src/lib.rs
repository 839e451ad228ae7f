#![doc = include_str!("../README.md")]

pub mod circuit;
pub mod quota;
pub mod retry;
pub mod throttle;
mod timestamp;

pub use timestamp::{InvalidTimestamp, MAX_CLOCK_SKEW, Timestamp, rfc3339};
