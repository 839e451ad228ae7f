//! Helpers for tests of one kind of document.

#![allow(dead_code, reason = "no test needs all of them")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod ranges;

use bulkhead_documents::{Extracted, Format, Options, extract, extract_text};

/// Extracts a document that must be readable, and checks the ranges of its passages.
pub fn read(bytes: &[u8], content_type: &str) -> Extracted {
    let found = extract(bytes, content_type, Options::default())
        .unwrap_or_else(|error| panic!("{content_type}: {error}"));
    let text = extract_text(bytes, content_type, Options::default()).expect("a readable document");
    ranges::assert_ranges(&text, &found.passages);
    found
}

/// Returns all text of a document, with an empty line between passages.
pub fn text(bytes: &[u8], format: Format) -> String {
    let passages = read(bytes, format.content_type()).passages;
    passages.into_iter().map(|passage| passage.text).collect::<Vec<_>>().join("\n\n")
}

/// Asserts which texts a document has, and which it has not.
pub fn assert_text(text: &str, expected: &[&str], missing: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "`{expected}` is missing in: {text}");
    }
    for missing in missing {
        assert!(!text.contains(missing), "`{missing}` is in: {text}");
    }
}
