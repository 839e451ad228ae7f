//! Plain text, and cleaning and measuring of any text.

use crate::content::{Content, Kind, Warning};

/// Returns the content of a plain text. The splitter finds its paragraphs.
pub(crate) fn content(text: String) -> Content {
    let mut content = Content::default();
    content.push(Kind::Paragraph, text);
    content
}

/// Adds a warning about bytes that were replaced.
pub(crate) fn warn_replaced(content: &mut Content, replaced: usize) {
    if replaced > 0 {
        content.warnings.push(Warning::Replaced(replaced));
    }
}

/// Converts line ends to `\n`, and removes control characters and invisible marks.
pub(crate) fn clean(text: String) -> String {
    if !text.contains(is_removed) {
        return text;
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => cleaned.push('\n'),
            character if is_removed(character) => {}
            character => cleaned.push(character),
        }
    }
    cleaned
}

/// Returns the size of cleaned `text` as a JSON string, in bytes.
pub(crate) fn json_length(text: &str) -> usize {
    text.len() + 2 + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\t')).count()
}

fn is_removed(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // Line and paragraph separators, soft hyphen, zero-width space, byte order mark, tags.
        '\u{2028}'
        | '\u{2029}'
        | '\u{ad}'
        | '\u{200b}'
        | '\u{2060}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        character => character.is_control(),
    }
}
