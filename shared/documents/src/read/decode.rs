//! Finds a text's encoding and decodes it.
//!
//! In this order: byte order mark, declared encoding, zeros of UTF-16 without a mark, UTF-8,
//! then a guess from the frequency of letters.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::DocumentError;

/// Share of control characters, one in this many, from which bytes are not text.
const BINARY: usize = 33;

/// A decoded text.
pub(crate) struct Decoded {
    pub text: String,
    /// Sequences of bytes that the encoding does not define.
    pub replaced: usize,
}

/// Decodes `bytes`. `declared` is the encoding's label from outside the document, `inner` the
/// label from within. Fails if the bytes are binary data.
///
/// The text takes the memory of `bytes` if they are its own and in UTF-8.
pub(crate) fn decode<'b>(
    bytes: impl Into<Cow<'b, [u8]>>,
    declared: Option<&str>,
    inner: Option<&str>,
) -> Result<Decoded, DocumentError> {
    let bytes = bytes.into();
    let text = match decoded(&bytes, declared, inner) {
        Cow::Borrowed(text) if text.len() < bytes.len() => text.to_owned(),
        Cow::Owned(text) => text,
        Cow::Borrowed(_) => String::from_utf8(bytes.into_owned()).map_err(|_| DocumentError::NotText)?,
    };
    let replaced = text.matches('\u{fffd}').count();
    if is_binary(&text) { Err(DocumentError::NotText) } else { Ok(Decoded { text, replaced }) }
}

fn decoded<'b>(bytes: &'b [u8], declared: Option<&str>, inner: Option<&str>) -> Cow<'b, str> {
    if let Some(text) = marked_utf32(bytes) {
        return text.into();
    }
    match Encoding::for_bom(bytes) {
        Some((encoding, length)) => {
            encoding.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0
        }
        None => unmarked(bytes, declared, inner),
    }
}

/// Decodes UTF-32 that begins with a byte order mark.
fn marked_utf32(bytes: &[u8]) -> Option<String> {
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe\0\0") {
        return Some(utf32(rest, u32::from_le_bytes));
    }
    bytes.strip_prefix(b"\0\0\xfe\xff").map(|rest| utf32(rest, u32::from_be_bytes))
}

fn utf32(bytes: &[u8], number: fn([u8; 4]) -> u32) -> String {
    let (characters, _) = bytes.as_chunks::<4>();
    characters.iter().map(|bytes| char::from_u32(number(*bytes)).unwrap_or('\u{fffd}')).collect()
}

fn unmarked<'b>(bytes: &'b [u8], declared: Option<&str>, inner: Option<&str>) -> Cow<'b, str> {
    if let Some(label) = declared.map(str::to_ascii_lowercase) {
        match label.as_str() {
            "utf-32" | "utf-32le" => return utf32(bytes, u32::from_le_bytes).into(),
            "utf-32be" => return utf32(bytes, u32::from_be_bytes).into(),
            _ => {}
        }
    }
    let wide = zeros(bytes);
    let inner = inner.and_then(named).map(|encoding| match encoding {
        // A label that can be read byte by byte is not in UTF-16.
        encoding if (encoding == UTF_16LE || encoding == UTF_16BE) && wide.is_none() => UTF_8,
        // Editors save pages as UTF-8 and keep the old label. Text in Windows-1252 is hardly ever
        // valid UTF-8.
        encoding if encoding == WINDOWS_1252 && std::str::from_utf8(bytes).is_ok() => UTF_8,
        encoding => encoding,
    });
    let encoding = match declared.and_then(named).or(inner) {
        // Many clients declare UTF-8 for every text.
        Some(encoding) if encoding == UTF_8 && mostly_broken(bytes) => guess(bytes),
        Some(encoding) => encoding,
        None if escapes(bytes) => ISO_2022_JP,
        None => wide.unwrap_or_else(|| if mostly_broken(bytes) { guess(bytes) } else { UTF_8 }),
    };
    encoding.decode_without_bom_handling(bytes).0
}

fn named(label: &str) -> Option<&'static Encoding> {
    // ASCII says nothing about other bytes.
    if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
        return None;
    }
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// Returns UTF-16 if every second byte of the beginning is mostly zero.
fn zeros(bytes: &[u8]) -> Option<&'static Encoding> {
    let beginning = bytes.get(..bytes.len().min(4_096)).unwrap_or_default();
    let (pairs, _) = beginning.as_chunks::<2>();
    let (mut first, mut second) = (0, 0);
    for [one, other] in pairs {
        first += usize::from(*one == 0);
        second += usize::from(*other == 0);
    }
    let many = pairs.len() / 3;
    match (first > many, second > many) {
        (false, true) => Some(UTF_16LE),
        (true, false) => Some(UTF_16BE),
        _ => None,
    }
}

/// Returns whether the bytes switch to Japanese by escape sequences.
fn escapes(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|window| matches!(window, b"\x1b$B" | b"\x1b$@"))
}

/// Returns whether more sequences of bytes beyond ASCII are invalid UTF-8 than valid.
fn mostly_broken(bytes: &[u8]) -> bool {
    let (mut valid, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().bytes().filter(|byte| *byte >= 0xc0).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken > valid
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // Few letters are no evidence for a rare encoding.
    if bytes.iter().filter(|byte| !byte.is_ascii()).count() < 2 { WINDOWS_1252 } else { guess }
}

/// Returns whether the text has many control characters. A log may have some, with colours and
/// a stray zero.
fn is_binary(text: &str) -> bool {
    let (mut controls, mut all) = (0, 0);
    for character in text.chars() {
        all += 1;
        controls += usize::from(
            matches!(character, '\0'..='\u{7}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}' | '\u{7f}' | '\u{fffd}'),
        );
    }
    controls > 4 && controls > all / BINARY
}
