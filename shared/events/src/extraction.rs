//! The input and output of the `extraction` function.

use std::fmt;

use bulkhead_documents::{ExtractedPage, Options};
use serde::{Deserialize, Deserializer, Serialize};

/// Maximum length of [`ExtractionAnswer::Unreadable`] in bytes. The reason comes from a process that an untrusted
/// document may control; it is stored with the document.
const MAX_REASON: usize = 1024;

/// A document to parse. Contains neither the tenant nor the title.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractionRequest {
    /// The content type that the document's owner declared.
    pub content_type: String,
    /// How to read the document.
    pub options: Options,
    /// Where the document's bytes are: a signed URL for this object alone, which expires soon. It gives access
    /// to the object, so it must not reach a log.
    pub url: String,
    /// The number of the first passage to return, from 0.
    pub first: u32,
    /// How long the caller waits for the answer, milliseconds. Reading ends earlier, with a reason.
    pub within_ms: u64,
}

/// The result of parsing a document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum ExtractionAnswer {
    /// A part of the document's text.
    Page {
        /// The SHA-256 of the document's bytes, in hexadecimal.
        sha256: String,
        /// The version of the readers: `bulkhead_documents::READERS` of the function `extraction`.
        readers: u32,
        /// The passages from [`ExtractionRequest::first`] on.
        page: ExtractedPage,
    },
    /// Why the document cannot be read: a message for its owner. Reading cuts it after 1 KiB.
    Unreadable(#[serde(deserialize_with = "read_reason")] String),
    /// The document's bytes could not be fetched. Neither the document nor its tenant is the cause; worth a retry.
    Unavailable,
}

impl ExtractionAnswer {
    /// Returns why a document cannot be read. Cuts the reason after 1 KiB.
    pub fn unreadable(mut reason: String) -> Self {
        cut(&mut reason);
        Self::Unreadable(reason)
    }
}

// Not derived, so that no log shows the content of a document.
impl fmt::Debug for ExtractionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content_type, first, .. } = self;
        write!(f, "ExtractionRequest({content_type:?}, from {first})")
    }
}

impl fmt::Debug for ExtractionAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { page, .. } => write!(f, "Page({} of {} passages)", page.passages.len(), page.total),
            Self::Unreadable(reason) => write!(f, "Unreadable({} bytes)", reason.len()),
            Self::Unavailable => f.write_str("Unavailable"),
        }
    }
}

fn read_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut reason = String::deserialize(deserializer)?;
    cut(&mut reason);
    Ok(reason)
}

fn cut(reason: &mut String) {
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
}

#[cfg(test)]
mod tests {
    use bulkhead_documents::Passage;

    use super::*;

    fn request() -> ExtractionRequest {
        ExtractionRequest {
            content_type: "text/plain".to_owned(),
            options: Options { keep_boilerplate: true },
            url: "https://secret".to_owned(),
            first: 3,
            within_ms: 7,
        }
    }

    fn page(passages: Vec<Passage>) -> ExtractionAnswer {
        let page = ExtractedPage { title: None, total: 9, passages, warnings: vec!["b".to_owned()] };
        ExtractionAnswer::Page { sha256: "a".to_owned(), readers: 1, page }
    }

    #[test]
    fn request_has_a_fixed_form() {
        let json = serde_json::to_string(&request()).expect("JSON");
        let expected = r#"{"content_type":"text/plain","options":{"keep_boilerplate":true},"url":"https://secret","first":3,"within_ms":7}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<ExtractionRequest>(&json).expect("a request"), request());
    }

    #[test]
    fn answer_has_exactly_one_variant() {
        let read = |json: &str| serde_json::from_str::<ExtractionAnswer>(json).ok();
        let text =
            r#"{"sha256":"a","readers":1,"page":{"title":null,"total":9,"passages":[],"warnings":["b"]}}"#;
        assert_eq!(read(&format!(r#"{{"page":{text}}}"#)), Some(page(vec![])));
        assert_eq!(read(r#"{"unreadable":"b"}"#), Some(ExtractionAnswer::Unreadable("b".to_owned())));
        assert_eq!(read(r#""unavailable""#), Some(ExtractionAnswer::Unavailable));
        assert_eq!(read(&format!(r#"{{"page":{text},"unreadable":"b"}}"#)), None);
        assert_eq!(read(r#"{"tenant":"b"}"#), None);
    }

    #[test]
    fn long_reason_is_cut_at_a_character() {
        let read = |text: &str| {
            let json = serde_json::json!({"unreadable": text}).to_string();
            match serde_json::from_str(&json) {
                Ok(ExtractionAnswer::Unreadable(reason)) => reason,
                other => panic!("not a reason: {other:?}"),
            }
        };
        assert_eq!(read("broken"), "broken");
        assert_eq!(read(&"x".repeat(6_000_000)).len(), 1024);
        assert_eq!(read(&"€".repeat(1000)), "€".repeat(341));
        let long = ExtractionAnswer::unreadable("x".repeat(6_000_000));
        assert_eq!(long, ExtractionAnswer::Unreadable("x".repeat(1024)));
    }

    #[test]
    fn debug_output_hides_content() {
        let passage = Passage { text: "secret".to_owned(), headings: vec![], page: None, range: None };
        let (request, answer) = (request(), page(vec![passage]));
        let reason = ExtractionAnswer::Unreadable("secret".to_owned());
        assert_eq!(
            format!("{request:?} {answer:?} {reason:?}"),
            r#"ExtractionRequest("text/plain", from 3) Page(1 of 9 passages) Unreadable(6 bytes)"#
        );
    }
}
