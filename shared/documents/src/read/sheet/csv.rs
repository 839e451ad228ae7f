//! Values separated by commas, semicolons, tabs or bars.

use csv::ReaderBuilder;

use super::{Shape, rows};
use crate::DocumentError;
use crate::content::{Content, Kind};

/// Text in which the separator is looked for, in bytes.
const SAMPLE: usize = 20_000;

/// Returns the content of a file of rows. `separator` is known for some formats.
pub(crate) fn content(text: &str, separator: Option<u8>) -> Result<Content, DocumentError> {
    // Excel names the separator in the first line.
    let (named, text) = match text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
        Some((line, rest)) => (line.bytes().next(), rest),
        None => (None, text),
    };
    let separator = named.or(separator).unwrap_or_else(|| guess(text));
    // The text is UTF-8 and rows may differ in length, so no record fails.
    let records = || {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        reader.into_records().map_while(Result::ok)
    };
    // Reads the text twice, because all rows at once take several times its memory.
    let mut shape = Shape::default();
    records().for_each(|record| shape.see(record.iter()));
    let mut content = Content::default();
    rows(records().map(|record| record.iter().map(str::to_owned).collect()), &shape, &mut content)?;
    if content.is_empty() {
        content.push(Kind::Paragraph, text);
    }
    Ok(content)
}

/// Returns the separator that most lines have, and that splits them alike.
fn guess(text: &str) -> u8 {
    let sample = text.get(..text.floor_char_boundary(SAMPLE)).unwrap_or_default();
    let count = |separator: u8| {
        let mut quoted = false;
        let mut counts = vec![0_usize];
        for byte in sample.bytes() {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => counts.push(0),
                byte if byte == separator && !quoted => {
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                }
                _ => {}
            }
        }
        let first = counts.first().copied().unwrap_or_default();
        let alike = counts.iter().filter(|count| **count == first && first > 0).count();
        (alike, first)
    };
    let candidates = [b',', b';', b'\t', b'|'];
    candidates.into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}
