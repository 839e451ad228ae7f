//! Estimates how many tokens a text has.
//!
//! The unit is a quarter of a token. English has about four letters per token, Cyrillic,
//! Greek, Hebrew and Arabic about two, and a Chinese, Japanese or Korean character about one.

/// Quarters of a token.
pub(crate) const QUARTERS: usize = 4;

/// Returns the weight of a character in quarters of a token.
pub(crate) fn of(character: char) -> usize {
    match character {
        '\0'..='\u{7f}' => 1,
        '\u{80}'..='\u{7ff}' | '\u{2000}'..='\u{206f}' => 2,
        _ => 4,
    }
}

/// Returns the weight of `text` in quarters of a token.
pub(crate) fn sum(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// Returns the longest beginning of `text` that weighs at most `limit`.
pub(crate) fn beginning(text: &str, limit: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += of(character);
        if used > limit {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}
