#![doc = include_str!("../README.md")]

pub mod config;
pub mod http;
pub mod metrics;
mod tenant_function;

use std::time::SystemTime;

pub use tenant_function::{EventError, TenantFunction};

/// Starts logging: JSON lines on standard output, with the level from `LOG_LEVEL` (default `info`).
pub fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}

/// Returns the point in time at which three quarters of the time before `deadline` have passed.
///
/// A function starts nothing new after it, so that it ends by itself before Lambda ends its process.
pub fn three_quarters(deadline: SystemTime) -> SystemTime {
    let now = SystemTime::now();
    now + deadline.duration_since(now).unwrap_or_default().mul_f64(0.75)
}

/// Returns an error and its causes as one line, for the log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some errors already print their cause.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
