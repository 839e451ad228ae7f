//! Files that are one thing to us and another to whoever opens them.

use crate::{DocumentError, Format};

/// How files begin that are none of the formats of text, and what they are.
const BEGINNINGS: [(&[u8], &str); 9] = [
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"GIF87a", "a picture"),
    (b"GIF89a", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "a document in rich text format"),
];

/// Refuses bytes that begin as something else than `format`. A PDF and a zip archive are
/// recognised by readers wherever they begin; here they begin at the first byte, so that no
/// file is both.
pub(crate) fn check(bytes: &[u8], format: Format) -> Result<(), DocumentError> {
    let found =
        BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, found)| *found);
    match (format, found) {
        (Format::Pdf, Some("a PDF")) | (Format::Docx, Some("a zip archive" | "an empty zip archive")) => {
            Ok(())
        }
        (Format::Text | Format::Markdown | Format::Html, None) => Ok(()),
        (Format::Pdf, None) => Err(DocumentError::NotPdf),
        (Format::Docx, None) => Err(DocumentError::NotZip),
        (_, Some(found)) => Err(DocumentError::Disguised { named: format.content_type(), found }),
    }
}
