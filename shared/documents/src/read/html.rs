use html2text::render::TrivialDecorator;

use crate::{DocumentError, MAX_DEPTH};

/// Columns of the rendered text, wide enough not to wrap sentences.
const COLUMNS: usize = 10_000;

/// Returns the text of a page of HTML.
pub(crate) fn text(source: &str) -> Result<String, DocumentError> {
    // The parser builds deeper trees too, but overflows the stack when it walks them.
    if depth(source) > MAX_DEPTH {
        return Err(DocumentError::TooDeep);
    }
    html2text::config::with_decorator(TrivialDecorator::new())
        .string_from_read(source.as_bytes(), COLUMNS)
        .map_err(|_| DocumentError::Markup)
}

/// Returns the nesting depth of elements, or one more than the limit.
///
/// A closing tag closes the innermost open element of its name and everything within it.
/// A closing tag without an open element closes nothing.
fn depth(source: &str) -> usize {
    /// Elements without a closing tag.
    const VOID: [&str; 13] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    ];
    /// Elements that the next element of the same kind closes.
    const IMPLICITLY_CLOSED: [&str; 8] = ["p", "li", "dt", "dd", "option", "tr", "td", "th"];
    let mut open: Vec<String> = Vec::new();
    let mut highest = 0;
    for tag in source.split('<').skip(1) {
        let (closing, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        if closing {
            if let Some(at) = open.iter().rposition(|other| *other == name) {
                open.truncate(at);
            }
        } else if !name.is_empty()
            && !VOID.contains(&name.as_str())
            && !IMPLICITLY_CLOSED.contains(&name.as_str())
        {
            open.push(name);
            highest = highest.max(open.len());
            if highest > MAX_DEPTH {
                break;
            }
        }
    }
    highest
}
