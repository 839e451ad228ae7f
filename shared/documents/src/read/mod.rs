//! The parsers: the only code of this crate that reads untrusted bytes.

mod archive;
mod decode;
mod disguise;
mod docx;
mod epub;
mod html;
mod json;
mod mail;
mod markdown;
mod odf;
mod odt;
mod package;
mod pdf;
mod sheet;
mod slides;
mod table;
mod text;
mod xml;

use std::borrow::Cow;
use std::rc::Rc;

use self::decode::{Decoded, decode};
use crate::content::{Block, Content, Kind};
use crate::format::charset;
use crate::{
    DocumentError, Extracted, ExtractedPage, Format, MAX_BYTES, MAX_PAGE_TEXT, MAX_PASSAGES, MAX_TEXT,
    Options, Passage, split,
};

/// Returns the texts of the passages of a document, in order: [`extract`] without headings,
/// pages and warnings.
pub fn passages(bytes: &[u8], format: Format) -> Result<Vec<String>, DocumentError> {
    let extracted = extract(bytes, format.content_type(), Options::default())?;
    Ok(extracted.passages.into_iter().map(|passage| passage.text).collect())
}

/// Reads a document and splits its text into passages, in order.
///
/// A `charset` parameter of the content type names the encoding of a text. The output
/// ([`MAX_PASSAGES`], [`MAX_TEXT`]) and expanded sizes are bounded. The time is linear for all
/// formats but PDF; run this in a process that can be killed.
///
/// Fails if the bytes cannot be read or hold no text.
pub fn extract(bytes: &[u8], content_type: &str, options: Options) -> Result<Extracted, DocumentError> {
    let mut passages = vec![];
    let Outline { title, warnings, .. } =
        each_passage(bytes.into(), content_type, options, |passage, _| passages.push(passage))?;
    Ok(Extracted { title, passages, warnings })
}

/// What a document has beside its passages.
struct Outline {
    title: Option<String>,
    passages: usize,
    warnings: Vec<String>,
}

/// Reads a document as [`extract`] does, and gives each passage and its size as JSON to `keep`.
fn each_passage(
    bytes: Cow<'_, [u8]>,
    content_type: &str,
    options: Options,
    mut keep: impl FnMut(Passage, usize),
) -> Result<Outline, DocumentError> {
    let (format, mut content) = read(bytes, content_type, options)?;
    let mut warnings: Vec<String> = content.warnings.iter().map(ToString::to_string).collect();
    warnings.dedup();
    let title = content.title.clone().filter(|title| !title.is_empty());
    let mut text = 0;
    let passages = split::passages(&mut content, |passage| {
        let size = json_length(&passage);
        text += size;
        keep(passage, size);
    });
    match passages {
        0 if format == Format::Pdf => Err(DocumentError::NoTextInPdf),
        0 => Err(DocumentError::Empty),
        n if n > MAX_PASSAGES => Err(DocumentError::TooManyPassages),
        _ if text > MAX_TEXT => Err(DocumentError::TooMuchText),
        _ => Ok(Outline { title, passages, warnings }),
    }
}

/// Reads a document as [`extract`] does, and returns the passages from number `first` on that fit into one response.
///
/// The same bytes give the same passages, so the pages of several calls belong together. Frees the bytes and each part
/// of the text as soon as it is not needed.
pub fn extract_page(
    bytes: Vec<u8>,
    content_type: &str,
    options: Options,
    first: u32,
) -> Result<ExtractedPage, DocumentError> {
    let mut before = usize::try_from(first).unwrap_or(usize::MAX);
    let (mut kept, mut text) = (vec![], 0);
    let Outline { title, passages, warnings } =
        each_passage(bytes.into(), content_type, options, |passage, size| match before.checked_sub(1) {
            Some(fewer) => before = fewer,
            // Also after the first passage that does not fit.
            None => {
                text += size;
                if text <= MAX_PAGE_TEXT {
                    kept.push(passage);
                }
            }
        })?;
    // `MAX_PASSAGES` fits into a `u32`.
    let total = u32::try_from(passages).unwrap_or(u32::MAX);
    Ok(ExtractedPage { title, total, passages: kept, warnings })
}

/// Returns the text of a document, in which the ranges of its passages count.
///
/// The text has the document's blocks in reading order: headings, paragraphs, entries of lists, rows of tables. An
/// empty line separates blocks. A line end separates entries of lists and rows of tables that follow each other. The
/// header of a table is a line before its first row. A plain text is one block. Line ends are `\n`; other control
/// characters and invisible marks are removed.
///
/// Fails like [`extract`], but not because of too little or too much text.
pub fn extract_text(bytes: &[u8], content_type: &str, options: Options) -> Result<String, DocumentError> {
    Ok(split::text(&read(bytes.into(), content_type, options)?.1))
}

fn read(
    bytes: Cow<'_, [u8]>,
    content_type: &str,
    options: Options,
) -> Result<(Format, Content), DocumentError> {
    let format = Format::from_content_type(content_type)?;
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    disguise::check(&bytes, format)?;
    let mut content = content(bytes, format, charset(content_type), options)?;
    clean(&mut content.blocks);
    content.title = content.title.map(|title| text::clean(title).trim().to_owned());
    Ok((format, content))
}

/// Removes control characters and invisible marks from the text of all blocks.
fn clean(blocks: &mut [Block]) {
    // The rows of a table share their header, also after this.
    let mut last: Option<(Rc<str>, Option<Rc<str>>)> = None;
    for block in blocks {
        block.text = text::clean(std::mem::take(&mut block.text));
        let header = match &mut block.kind {
            Kind::Heading(_) | Kind::Paragraph | Kind::Item | Kind::Code => continue,
            Kind::Row(header) => header,
        };
        let Some(before) = header.take() else { continue };
        *header = match &last {
            Some((seen, after)) if Rc::ptr_eq(seen, &before) => after.clone(),
            _ => {
                let after = text::clean(before.to_string());
                let after = (!after.trim().is_empty()).then(|| Rc::from(after));
                last = Some((before, after.clone()));
                after
            }
        };
    }
}

fn content(
    bytes: Cow<'_, [u8]>,
    format: Format,
    charset: Option<&str>,
    options: Options,
) -> Result<Content, DocumentError> {
    match format {
        Format::Html => html::document(&bytes, charset, options),
        Format::Pdf => pages(&bytes),
        Format::Docx => docx::content(&bytes),
        Format::Odt => odt::content(&bytes),
        Format::Xlsx => sheet::xlsx(&bytes),
        Format::Ods => sheet::ods(&bytes),
        Format::Pptx => slides::content(&bytes),
        Format::Epub => epub::content(&bytes),
        Format::Mail => mail::content(&bytes),
        Format::Text | Format::Markdown | Format::Csv | Format::Tsv | Format::Json | Format::JsonLines => {
            let Decoded { text, replaced } = decode(bytes, charset, None)?;
            let mut content = match format {
                Format::Markdown => markdown::content(&text),
                Format::Csv => sheet::csv(&text, None),
                Format::Tsv => sheet::csv(&text, Some(b'\t')),
                Format::Json => json::content(&text),
                Format::JsonLines => json::lines(&text),
                _ => Ok(text::content(text)),
            }?;
            text::warn_replaced(&mut content, replaced);
            Ok(content)
        }
    }
}

/// Returns the content of a PDF: one block per paragraph.
fn pages(bytes: &[u8]) -> Result<Content, DocumentError> {
    let mut content = Content::default();
    let pages = pdf::pages(bytes)?;
    let empty = pages.iter().filter(|page| page.text.trim().is_empty()).count();
    content.warn_empty("pages", empty, pages.len());
    for page in pages {
        let paragraphs = page.text.split("\n\n").filter(|text| !text.trim().is_empty());
        content.blocks.extend(paragraphs.map(|text| Block {
            kind: Kind::Paragraph,
            text: text.to_owned(),
            page: Some(page.number),
        }));
    }
    Ok(content)
}

/// Returns the size of a passage as JSON, in bytes.
fn json_length(passage: &Passage) -> usize {
    /// Member names, brackets, commas, the number of the page and the range.
    const AROUND: usize = 90;
    let headings: usize = passage.headings.iter().map(|heading| text::json_length(heading) + 1).sum();
    AROUND + text::json_length(&passage.text) + headings
}
