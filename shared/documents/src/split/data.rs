//! Removes data that is not language: data URIs, and long runs of base64 or hexadecimal.

use std::borrow::Cow;

/// Shortest data, in bytes, that is removed.
const DATA: usize = 200;
/// Shortest line of wrapped base64.
const WRAPPED: usize = 60;

/// Data that was removed.
pub(crate) struct Gap {
    /// The byte in the text without data at which it stood.
    pub at: usize,
    /// How many characters were removed, up to and with this data.
    pub removed: usize,
}

/// Returns `text` without data, and what was removed.
pub(crate) fn remove(text: &str) -> (Cow<'_, str>, Vec<Gap>) {
    let mut kept = String::new();
    let mut gaps: Vec<Gap> = vec![];
    let mut copied = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| rest.len() >= DATA) {
        let start = at;
        if rest.starts_with("data:") {
            let length = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '<' | '>'));
            at += length.unwrap_or(rest.len());
            if at - start < DATA {
                continue;
            }
        } else {
            let (length, is_data) = run(rest);
            at += length;
            if !is_data {
                // The next run begins after the characters that cannot be data.
                at += text.get(at..).map_or(0, |rest| rest.find(is_coded).unwrap_or(rest.len()));
                continue;
            }
        }
        kept.push_str(text.get(copied..start).unwrap_or_default());
        let removed = gaps.last().map_or(0, |gap| gap.removed);
        let more = text.get(start..at).map_or(0, |data| data.chars().count());
        gaps.push(Gap { at: kept.len(), removed: removed + more });
        copied = at;
    }
    if copied == 0 {
        return (Cow::Borrowed(text), gaps);
    }
    kept.push_str(text.get(copied..).unwrap_or_default());
    (Cow::Owned(kept), gaps)
}

fn is_coded(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=')
}

/// Returns the length of the coded run at the beginning of `text`, and whether it is data.
///
/// Wrapped base64 goes on after a line end.
fn run(text: &str) -> (usize, bool) {
    let (mut upper, mut lower, mut digits, mut others) = (0, 0, 0, 0);
    let (mut length, mut line) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(length) {
        match byte {
            b'A'..=b'Z' => upper += 1,
            b'a'..=b'f' => lower += 1,
            b'g'..=b'z' => (lower, others) = (lower + 1, others + 1),
            b'0'..=b'9' => digits += 1,
            b'+' | b'/' | b'=' => others += 1,
            b'\n'
                if line >= WRAPPED
                    && bytes.get(length + 1).is_some_and(|next| is_coded(char::from(*next))) =>
            {
                line = 0;
                length += 1;
                continue;
            }
            _ => break,
        }
        line += 1;
        length += 1;
    }
    // A `data:` within the run begins its own data.
    if bytes.get(length) == Some(&b':')
        && text.get(..length).is_some_and(|run| run.ends_with("data"))
        && length > 4
    {
        return (length - 4, false);
    }
    let least = length / 20;
    let base64 = upper > least && lower > least && digits > length / 40;
    let hexadecimal = others == 0 && upper == 0 && digits > length / 4 && lower > least && length >= 2 * DATA;
    (
        length.max(usize::from(length == 0 && !text.is_empty()) * first(text)),
        length >= DATA && (base64 || hexadecimal),
    )
}

/// Returns the length of the first character.
fn first(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
