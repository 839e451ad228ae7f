//! Decoding, cleaning and measuring text.

use crate::DocumentError;

/// Returns the text of `bytes`, without a byte order mark.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DocumentError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // A NUL marks a binary file with a text content type.
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(DocumentError::NotText),
    }
}

/// Converts line ends to `\n` and removes control characters.
pub(crate) fn clean(text: String) -> String {
    if !text.contains(is_control) {
        return text;
    }
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{b}', '\u{c}', '\u{85}'], "\n");
    text.replace(is_control, "")
}

/// Returns the size of cleaned `text` as a JSON string, in bytes.
pub(crate) fn json_length(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\t')).count()
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}
