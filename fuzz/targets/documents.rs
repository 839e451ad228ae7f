//! Whatever bytes claim to be a document: they become passages, or are refused.

#![no_main]

use bulkhead_documents::{Format, passages};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let format = [Format::Text, Format::Markdown, Format::Html][usize::from(kind % 3)];
    if let Ok(passages) = passages(bytes, format) {
        assert!(passages.iter().all(|passage| !passage.trim().is_empty()));
    }
});
