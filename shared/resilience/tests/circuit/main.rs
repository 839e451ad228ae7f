//! The circuit stops a tenant that keeps failing and lets it run again, exactly as documented.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod boundaries;
mod explorer;
mod interleavings;
mod model;
