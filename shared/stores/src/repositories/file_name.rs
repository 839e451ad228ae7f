//! The name of a file that a client downloads, made from a document's title.

use std::fmt::Write;

/// Maximum length in characters, without the extension. File systems allow 255 bytes; a character may take four.
const MAX_LENGTH: usize = 50;
/// The name of a file if its title has no usable character.
const UNNAMED: &str = "document";

/// A file name that is safe on common systems: no path, no control character, no reserved character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Returns a file name for `title`, with `extension`.
    pub fn new(title: &str, extension: &str) -> Self {
        let is_safe = |c: char| !c.is_control() && !is_invisible(c) && !r#"/\:*?"<>|%"#.contains(c);
        let mut name: String =
            title.chars().map(|c| if is_safe(c) { c } else { '_' }).take(MAX_LENGTH).collect();
        let suffix = format!(".{extension}");
        if name.to_ascii_lowercase().ends_with(&suffix) {
            name.truncate(name.len() - suffix.len());
        }
        // A leading full stop hides a file, and Windows drops trailing ones.
        let name = name.trim_matches(|c: char| c == '.' || c == '_' || c.is_whitespace());
        let name = if name.is_empty() { UNNAMED } else { name };
        Self(format!("{name}{suffix}"))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the header `Content-Disposition` (RFC 6266): with an ASCII name for old clients, and the whole name.
    pub(crate) fn disposition(&self) -> String {
        let ascii: String = self
            .0
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || " .-_()".contains(c) { c } else { '_' })
            .collect();
        let mut encoded = String::new();
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing into a text does not fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
    }
}

/// Returns whether a character changes how others look: directions and joiners, which can disguise an extension.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_no_path_and_no_control_character() {
        for (title, expected) in [
            ("House rules", "House rules.md"),
            ("House rules.md", "House rules.md"),
            ("rules.MD", "rules.md"),
            ("../../etc/passwd", "etc_passwd.md"),
            ("C:\\x", "C__x.md"),
            ("a\"b\r\nSet-Cookie: x", "a_b__Set-Cookie_ x.md"),
            ("...", "document.md"),
            ("", "document.md"),
            ("Überstunden", "Überstunden.md"),
            ("x\u{202e}dm.exe", "x_dm.exe.md"),
        ] {
            assert_eq!(FileName::new(title, "md").as_str(), expected, "{title:?}");
        }
        assert_eq!(FileName::new(&"ä".repeat(200), "md").as_str().chars().count(), 53);
    }

    #[test]
    fn disposition_quotes_nothing_of_the_title() {
        let disposition = FileName::new("Über \"x\"; filename=y", "md").disposition();
        assert_eq!(
            disposition,
            "attachment; filename=\"_ber _x__ filename_y.md\"; \
             filename*=UTF-8''%C3%9Cber%20_x_%3B%20filename%3Dy.md"
        );
    }
}
