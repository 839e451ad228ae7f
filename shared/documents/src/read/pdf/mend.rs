//! Repairs of text that positions alone cannot make.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// Marks a hyphen at a line end that [`resolve_hyphens`] keeps or removes.
pub(crate) const LINE_HYPHEN: char = '\u{2}';
/// A character without width, which the text of a line leaves out.
pub(crate) const NO_WIDTH: char = '\u{200b}';
/// A hyphen that is visible only at a line end.
pub(crate) const SOFT_HYPHEN: char = '\u{ad}';

/// Returns the characters that a font maps a code to, in the form that people search for.
///
/// Returns nothing if no character is usable: control characters, private characters and the
/// replacement character say nothing.
pub(crate) fn usable(text: &str) -> Option<String> {
    let mut usable = String::new();
    for letter in text.chars() {
        match letter {
            // Symbol fonts map their bullet to a private character.
            '\u{f0b7}' | '\u{f0a7}' => usable.push('•'),
            '\t' | '\n' | '\r' => usable.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                usable.push(NO_WIDTH);
            }
            letter if is_unusable(letter) => {}
            letter if letter.is_whitespace() => usable.push(' '),
            letter if is_compatibility(letter) => usable.extend(letter.nfkc()),
            letter => usable.push(letter),
        }
    }
    if usable.is_empty() { None } else { Some(usable) }
}

fn is_unusable(letter: char) -> bool {
    let code = u32::from(letter);
    letter.is_control()
        || letter == char::REPLACEMENT_CHARACTER
        || matches!(code, 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xf_0000..)
        || code & 0xfffe == 0xfffe
}

/// Returns whether a character is a presentation form: ligatures, Arabic letters by position,
/// radicals, mathematical letters.
fn is_compatibility(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x0132..=0x0133 | 0x01c4..=0x01cc | 0x2e80..=0x2fd5 | 0xf900..=0xfaff | 0xfb00..=0xfb4f
            | 0xfb50..=0xfdcf | 0xfdf0..=0xfdfc | 0xfe70..=0xfefc | 0x1_d400..=0x1_d7ff
    )
}

/// Returns whether a character belongs to a script without spaces between words.
pub(crate) fn is_unspaced(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x2e80..=0x303f | 0x3040..=0x30ff | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
            | 0xf900..=0xfaff | 0xff00..=0xff60 | 0x2_0000..=0x3_ffff
    )
}

/// Returns the combining form of an accent that stands alone.
pub(crate) fn combining(accent: char) -> Option<char> {
    Some(match accent {
        '`' | '\u{2cb}' => '\u{300}',
        '´' | '\u{2ca}' => '\u{301}',
        'ˆ' | '^' => '\u{302}',
        '˜' => '\u{303}',
        '¯' | 'ˉ' => '\u{304}',
        '˘' => '\u{306}',
        '˙' => '\u{307}',
        '¨' => '\u{308}',
        '˚' => '\u{30a}',
        '˝' => '\u{30b}',
        'ˇ' => '\u{30c}',
        '¸' => '\u{327}',
        '˛' => '\u{328}',
        letter if unicode_normalization::char::is_combining_mark(letter) => letter,
        _ => return None,
    })
}

/// Returns a letter with an accent, as one character if there is one.
pub(crate) fn with_accent(letter: &str, accent: char) -> String {
    // The dotless letters exist only to carry an accent.
    let plain = letter.replace('ı', "i").replace('ȷ', "j");
    plain.chars().chain([accent]).nfc().collect()
}

/// Decides about every hyphen at a line end.
///
/// The hyphen stays if the document has the same compound within a line, or if a part of
/// the compound has another hyphen.
pub(crate) fn resolve_hyphens(texts: &mut [String]) {
    if !texts.iter().any(|text| text.contains(LINE_HYPHEN)) {
        return;
    }
    let mut compounds = BTreeSet::new();
    let mut words = BTreeSet::new();
    for word in texts.iter().flat_map(|text| text.split_whitespace()) {
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        if !word.contains(LINE_HYPHEN) {
            if word.contains('-') {
                compounds.insert(word.to_lowercase())
            } else {
                words.insert(word.to_lowercase())
            };
        }
    }
    let resolve = |word: &str| -> String {
        let trimmed = word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let joined = trimmed.replace(LINE_HYPHEN, "");
        let hyphenated = trimmed.replace(LINE_HYPHEN, "-");
        let keep = !words.contains(&joined) && (compounds.contains(&hyphenated) || joined.contains('-'));
        word.replace(LINE_HYPHEN, if keep { "-" } else { "" })
    };
    for text in texts.iter_mut().filter(|text| text.contains(LINE_HYPHEN)) {
        *text = text
            .split_inclusive(char::is_whitespace)
            .map(|word| if word.contains(LINE_HYPHEN) { resolve(word) } else { word.to_owned() })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_characters_are_left_out() {
        assert_eq!(usable("\u{fb01}").as_deref(), Some("fi"));
        assert_eq!(usable("\u{fb03}").as_deref(), Some("ffi"));
        assert_eq!(usable("²").as_deref(), Some("²"));
        assert_eq!(usable("\u{e001}"), None);
        assert_eq!(usable("\u{fffd}"), None);
        assert_eq!(usable("\u{3}"), None);
        assert_eq!(usable("\u{f0b7}").as_deref(), Some("•"));
    }

    #[test]
    fn accents_join_their_letters() {
        assert_eq!(with_accent("e", '\u{301}'), "é");
        assert_eq!(with_accent("ı", '\u{308}'), "ï");
    }

    #[test]
    fn line_hyphens_follow_the_rest_of_the_document() {
        let mut texts =
            vec!["har\u{2}bour, a well\u{2}known state-of\u{2}the-art".to_owned(), "well-known".to_owned()];
        resolve_hyphens(&mut texts);
        assert_eq!(texts, ["harbour, a well-known state-of-the-art", "well-known"]);
    }
}
