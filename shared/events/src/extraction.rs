//! The input and output of the `extraction` function.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulkhead_documents::Extracted;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Maximum length of [`ExtractionAnswer::Unreadable`] in bytes. The reason comes from a process that an untrusted
/// document may control; it is stored with the document.
const MAX_REASON: usize = 1024;

/// A document to parse. Contains neither the tenant nor the title.
///
/// A document of 4 MiB makes a payload of 5.6 MB; the limit is 6 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractionRequest {
    /// The content type that the document's owner declared.
    pub content_type: String,
    /// How long the caller waits for the answer, milliseconds. Reading ends earlier, with a reason.
    pub within_ms: u64,
    /// The document's bytes; base64 in JSON.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub content: Vec<u8>,
}

/// The result of parsing a document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum ExtractionAnswer {
    /// The text of the document.
    Document(Extracted),
    /// Why the document cannot be read: a message for its owner. Reading cuts it after 1 KiB.
    Unreadable(#[serde(deserialize_with = "read_reason")] String),
}

// Not derived, so that no log shows the content of a document.
impl fmt::Debug for ExtractionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content_type, content, .. } = self;
        write!(f, "ExtractionRequest({content_type:?}, {} bytes)", content.len())
    }
}

impl fmt::Debug for ExtractionAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(document) => write!(f, "Document({} passages)", document.passages.len()),
            Self::Unreadable(reason) => write!(f, "Unreadable({} bytes)", reason.len()),
        }
    }
}

fn write<S: Serializer>(content: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(content))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
}

fn read_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut reason = String::deserialize(deserializer)?;
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    Ok(reason)
}

#[cfg(test)]
mod tests {
    use bulkhead_documents::Passage;

    use super::*;

    fn extracted(passages: Vec<Passage>, warnings: Vec<String>) -> Extracted {
        Extracted { title: None, passages, warnings }
    }

    #[test]
    fn content_is_base64_in_json() {
        let request = ExtractionRequest {
            content_type: "text/plain".to_owned(),
            within_ms: 7,
            content: b"\xff\0".to_vec(),
        };
        let json = serde_json::to_string(&request).expect("JSON");
        assert_eq!(json, r#"{"content_type":"text/plain","within_ms":7,"content":"/wA="}"#);
        assert_eq!(serde_json::from_str::<ExtractionRequest>(&json).expect("a request"), request);
    }

    #[test]
    fn answer_has_exactly_one_variant() {
        let read = |json: &str| serde_json::from_str::<ExtractionAnswer>(json).ok();
        let document = r#"{"title":null,"passages":[],"warnings":["b"]}"#;
        assert_eq!(
            read(&format!(r#"{{"document":{document}}}"#)),
            Some(ExtractionAnswer::Document(extracted(vec![], vec!["b".to_owned()])))
        );
        assert_eq!(read(r#"{"unreadable":"b"}"#), Some(ExtractionAnswer::Unreadable("b".to_owned())));
        assert_eq!(read(&format!(r#"{{"document":{document},"unreadable":"b"}}"#)), None);
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
    }

    #[test]
    fn debug_output_hides_content() {
        let request = ExtractionRequest {
            content_type: "text/plain".to_owned(),
            within_ms: 7,
            content: b"secret".to_vec(),
        };
        let passage = Passage { text: "secret".to_owned(), headings: vec![], page: None };
        let answer = ExtractionAnswer::Document(extracted(vec![passage], vec![]));
        let reason = ExtractionAnswer::Unreadable("secret".to_owned());
        assert_eq!(
            format!("{request:?} {answer:?} {reason:?}"),
            r#"ExtractionRequest("text/plain", 6 bytes) Document(1 passages) Unreadable(6 bytes)"#
        );
    }
}
