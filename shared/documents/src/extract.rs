use std::borrow::Cow;

use html2text::render::TrivialDecorator;

use crate::{DocumentError, Format};

/// Text columns for HTML: wide enough that sentences are not broken into lines.
const COLUMNS: usize = 10_000;
/// Elements within elements. The parser builds deeper trees without complaint and
/// overflows the stack when it walks them.
const MAX_DEPTH: usize = 200;

/// Returns the text of a document, with line ends as `\n`.
pub(crate) fn text(bytes: &[u8], format: Format) -> Result<String, DocumentError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let source = std::str::from_utf8(bytes).map_err(|_| DocumentError::NotText)?;
    let text = match format {
        Format::Text | Format::Markdown => Cow::Borrowed(source),
        Format::Html => Cow::Owned(html(source)?),
    };
    // A NUL is not text: it marks a binary file with a text's name.
    if text.contains('\0') {
        return Err(DocumentError::NotText);
    }
    Ok(text.replace("\r\n", "\n"))
}

fn html(source: &str) -> Result<String, DocumentError> {
    if depth(source) > MAX_DEPTH {
        return Err(DocumentError::Markup);
    }
    html2text::config::with_decorator(TrivialDecorator::new())
        .string_from_read(source.as_bytes(), COLUMNS)
        .map_err(|_| DocumentError::Markup)
}

/// An upper bound of the nesting: opening tags minus closing tags, at its highest.
fn depth(source: &str) -> usize {
    /// Elements that never have a closing tag.
    const VOID: [&str; 14] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
        "!doctype",
    ];
    let (mut now, mut highest) = (0_usize, 0_usize);
    for tag in source.split('<').skip(1) {
        if tag.starts_with('/') {
            now = now.saturating_sub(1);
            continue;
        }
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect();
        // `p` and `li` close themselves when the next one opens.
        let closes_itself = matches!(
            name.to_ascii_lowercase().as_str(),
            "p" | "li" | "dt" | "dd" | "option" | "tr" | "td" | "th"
        );
        let void =
            name.is_empty() || name.starts_with('!') || VOID.contains(&name.to_ascii_lowercase().as_str());
        if !void && !closes_itself {
            now += 1;
            highest = highest.max(now);
        }
    }
    highest
}
