//! Rejects files whose first bytes do not match the declared content type.

use crate::{DocumentError, Format};

/// First bytes of a compound file: Office before 2007, or a newer file with a password.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// First bytes of binary formats, and a description of each.
const SIGNATURES: [(&[u8], &str); 13] = [
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"GIF87a", "a picture"),
    (b"GIF89a", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (OLE, "an old Office file"),
    (b"{\\rtf", "a document in rich text format"),
];

/// Fails if `bytes` start with the signature of another format than `format`.
///
/// Many readers accept a PDF or a zip archive at any offset. Here a zip archive starts at the first
/// byte, and what starts like another format is no PDF, so no file is both.
pub(crate) fn check(bytes: &[u8], format: Format) -> Result<(), DocumentError> {
    let found =
        SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, found)| *found);
    match (format, found) {
        (Format::Pdf, Some("a PDF")) => Ok(()),
        // The reader of PDFs looks for the header.
        (Format::Pdf, None) => Ok(()),
        (format, Some("a zip archive" | "an empty zip archive")) if is_archive(format) => Ok(()),
        (format, Some("an old Office file")) if is_archive(format) => Err(compound(bytes, format)),
        (format, None) if is_archive(format) => Err(DocumentError::NotZip(format)),
        (_, None) => Ok(()),
        (_, Some(found)) => Err(DocumentError::Disguised { named: format.content_type(), found }),
    }
}

/// Returns whether files of a format are zip archives.
fn is_archive(format: Format) -> bool {
    matches!(format, Format::Docx | Format::Odt | Format::Xlsx | Format::Ods | Format::Pptx | Format::Epub)
}

/// Returns what a compound file is. The names of its streams are in UTF-16.
fn compound(bytes: &[u8], format: Format) -> DocumentError {
    let has = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(name.len()).any(|window| window == name)
    };
    let found = if has("EncryptedPackage") || has("EncryptionInfo") {
        return DocumentError::EncryptedOffice(format);
    } else if has("WordDocument") {
        "an old Word file (.doc)"
    } else if has("Workbook") || has("Book") {
        "an old Excel file (.xls)"
    } else if has("PowerPoint Document") {
        "an old PowerPoint file (.ppt)"
    } else {
        "an old Office file (.doc, .xls or .ppt) or has a password"
    };
    DocumentError::OldOffice { format, found }
}
