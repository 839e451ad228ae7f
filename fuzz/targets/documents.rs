//! Any bytes as a document: they become passages within the limits, or an error. The ranges of the passages hold their
//! text.

#![no_main]

#[path = "../../shared/documents/tests/kinds/ranges.rs"]
mod ranges;

use bulkhead_documents::{Format, MAX_PASSAGES, MAX_TEXT, Options, extract, extract_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first byte selects the format, so a seed is one letter and a document.
    let Some((kind, bytes)) = input.split_first() else { return };
    let format = Format::ALL[usize::from(*kind) % Format::ALL.len()];
    if let Ok(found) = extract(bytes, format.content_type(), Options::default()) {
        let passages = found.passages;
        assert!(passages.len() <= MAX_PASSAGES);
        assert!(passages.iter().map(|passage| passage.text.len()).sum::<usize>() <= MAX_TEXT);
        let text = extract_text(bytes, format.content_type(), Options::default()).expect("a readable document");
        ranges::assert_ranges(&text, &passages);
        for passage in passages {
            assert!(!passage.text.trim().is_empty() && !passage.text.contains('\0'));
        }
    }
});
