//! What text is.

use crate::DocumentError;

/// Returns the text of `bytes`, without a byte order mark.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DocumentError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // A NUL is not text: it marks a binary file with a text's name.
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(DocumentError::NotText),
    }
}

/// Ends lines with `\n` and leaves out what controls a terminal instead of saying anything.
pub(crate) fn clean(text: String) -> String {
    if !text.contains(is_control) {
        return text;
    }
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{b}', '\u{c}', '\u{85}'], "\n");
    text.replace(is_control, "")
}

/// How many bytes `text` takes in JSON, once it is [`clean`].
pub(crate) fn written(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\t')).count()
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}
