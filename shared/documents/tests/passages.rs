//! From bytes to passages.

use bulkhead_documents::{DocumentError, Format, MAX_BYTES, passages};
use proptest::prelude::*;

#[test]
fn html_becomes_its_text() {
    let page = b"<!doctype html><html><head><title>T</title><style>p{color:red}</style><script>alert(1)</script></head>\
        <body><h1>Refunds</h1><p>Within <b>14 days</b>.</p><ul><li>Bring the receipt<li>Ask for Ada</ul></body></html>";
    let text = passages(page, Format::Html).expect("html").join("\n");
    for expected in ["Refunds", "Within 14 days.", "Bring the receipt", "Ask for Ada"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    for hidden in ["alert", "color", "<", "doctype"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}

#[test]
fn markdown_is_split_at_its_headings() {
    let section =
        |n: usize| format!("## Section {n}\n\n{}\n\n", format!("Sentence number {n} is here. ").repeat(30));
    let text: String = (0..6).map(section).collect();
    let passages = passages(text.as_bytes(), Format::Markdown).expect("markdown");
    assert_eq!(passages.len(), 6);
    for (n, passage) in passages.iter().enumerate() {
        assert!(passage.starts_with(&format!("## Section {n}")), "{passage}");
    }
}

#[test]
fn what_is_not_a_document_is_refused_with_a_reason() {
    assert_eq!(passages(b"", Format::Text), Err(DocumentError::Empty));
    assert_eq!(passages(b" \n\t", Format::Markdown), Err(DocumentError::Empty));
    assert_eq!(passages(b"<p></p>", Format::Html), Err(DocumentError::Empty));
    assert_eq!(passages(b"\xff\xfe", Format::Text), Err(DocumentError::NotText));
    assert_eq!(passages(b"a\0b", Format::Text), Err(DocumentError::NotText));
    assert_eq!(passages(&vec![b'a'; MAX_BYTES + 1], Format::Text), Err(DocumentError::TooLarge));
    assert_eq!(Format::from_content_type("application/pdf"), Err(DocumentError::Unsupported));
    assert_eq!(Format::from_content_type("Text/HTML; charset=utf-8"), Ok(Format::Html));
}

#[test]
fn deeply_nested_markup_is_refused_instead_of_overflowing_the_stack() {
    let page = format!("{}x{}", "<div>".repeat(200_000), "</div>".repeat(200_000));
    assert_eq!(passages(page.as_bytes(), Format::Html), Err(DocumentError::Markup));
    let stray = "<div></x>".repeat(100_000);
    assert_eq!(passages(stray.as_bytes(), Format::Html), Err(DocumentError::Markup));
    let unclosed = "<b><i>".repeat(100_000);
    assert_eq!(passages(unclosed.as_bytes(), Format::Html), Err(DocumentError::Markup));
}

proptest! {
    #[test]
    fn no_text_is_lost_or_invented(words in proptest::collection::vec("[a-z]{1,12}[.?!]?", 1..800)) {
        let text = words.join(" ");
        let passages = passages(text.as_bytes(), Format::Text).expect("text");
        let again: Vec<_> = passages.iter().flat_map(|p| p.split_whitespace()).collect();
        prop_assert_eq!(again, words.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_bytes_give_the_same_passages(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for format in [Format::Text, Format::Markdown, Format::Html] {
            prop_assert_eq!(passages(&bytes, format), passages(&bytes, format));
        }
    }

    #[test]
    fn no_markup_makes_extraction_panic(page in "(<[a-z/!]{0,6}>?|&[a-z#0-9]{0,6};?|[ -~]|\\PC){0,120}") {
        let _ = passages(page.as_bytes(), Format::Html);
    }
}
