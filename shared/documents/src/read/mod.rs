//! Reading: the only code here that parses a stranger's bytes.

mod disguise;
mod docx;
mod html;
mod pdf;
mod split;
mod text;

use crate::{DocumentError, Format, MAX_BYTES, MAX_PASSAGES, MAX_TEXT};

/// Returns the passages of a document, in order.
///
/// Bounded in what it returns ([`MAX_PASSAGES`], [`MAX_TEXT`]) and in what it expands, but not
/// in time: markup can be written that takes long to read. Strangers' documents belong into a
/// process that can be ended.
///
/// # Errors
/// [`DocumentError`] where the bytes cannot be read or hold no text.
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
    if text::written(&text) > MAX_TEXT {
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
