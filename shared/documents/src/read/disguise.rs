//! Rejects files whose first bytes do not match the declared content type.

use crate::{DocumentError, Format};

/// First bytes of binary formats, and a description of each.
const SIGNATURES: [(&[u8], &str); 9] = [
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

/// Fails if `bytes` start with the signature of another format than `format`.
///
/// Many readers accept a PDF or a zip archive at any offset. Here it must start at the first
/// byte, so no file is both.
pub(crate) fn check(bytes: &[u8], format: Format) -> Result<(), DocumentError> {
    let found =
        SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, found)| *found);
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
