#![doc = include_str!("../README.md")]

pub mod budget;
pub mod circuit;
pub mod money;
pub mod quota;
pub mod retry;
pub mod throttle;
mod timestamp;

pub use timestamp::{InvalidTimestamp, MAX_CLOCK_SKEW, Timestamp, rfc3339};
