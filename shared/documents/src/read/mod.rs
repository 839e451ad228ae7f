//! The parsers: the only code of this crate that reads untrusted bytes.

mod disguise;
mod docx;
mod html;
mod pdf;
mod split;
mod text;

use crate::{DocumentError, Format, MAX_BYTES, MAX_PASSAGES, MAX_TEXT};

/// Returns the passages of a document, in order.
///
/// The output ([`MAX_PASSAGES`], [`MAX_TEXT`]) and expanded sizes are bounded; the time is
/// not, because markup can be written to parse slowly. Run this in a process that can be
/// killed.
///
/// Fails if the bytes cannot be read or hold no text.
pub fn passages(bytes: &[u8], format: Format) -> Result<Vec<String>, DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    disguise::check(bytes, format)?;
    let text = match format {
        Format::Text | Format::Markdown => text::utf8(bytes)?.to_owned(),
        Format::Html => html::text(text::utf8(bytes)?)?,
        Format::Pdf => pdf::text(bytes)?,
        Format::Docx => docx::text(bytes)?,
    };
    let text = text::clean(text);
    if text::json_length(&text) > MAX_TEXT {
        return Err(DocumentError::TooMuchText);
    }
    let passages = split::passages(&text, format);
    match passages.len() {
        0 if format == Format::Pdf => Err(DocumentError::NoTextInPdf),
        0 => Err(DocumentError::Empty),
        n if n > MAX_PASSAGES => Err(DocumentError::TooManyPassages),
        _ => Ok(passages),
    }
}
