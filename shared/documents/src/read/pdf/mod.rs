//! Text of a PDF: pages of paragraphs, in reading order.
//!
//! `hayro-syntax` reads objects, `hayro-font` reads fonts and `hayro-cmap` reads character
//! maps. [`content`] executes the operators that show text and keeps each character's
//! position, [`layout`] turns positions into words, lines, columns and paragraphs, and [`mend`]
//! repairs what layout alone cannot.

mod annotations;
mod bomb;
mod content;
mod direction;
mod font;
mod layers;
mod layout;
mod line;
mod mend;
mod order;
mod strings;

use hayro_syntax::object::{Array, MaybeRef, Object};
use hayro_syntax::xref::XRef;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use self::content::Reader;
use self::font::Fonts;
use self::layers::Layers;
use crate::{DocumentError, MAX_PAGES, MAX_TEXT};

/// Maximum number of bytes before the header. Readers accept this much; see ISO 32000-1,
/// annex H.3.4.
const MAX_PREFIX: usize = 1024;
const HEADER: &[u8] = b"%PDF-";

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// Number of the page in the file, from 1.
    pub number: u32,
    /// Paragraphs, separated by an empty line; empty if the page shows no text.
    pub text: String,
}

/// Returns the pages of a PDF.
///
/// Fails if no page has text, or if most of the text is in fonts without a map to Unicode.
pub(crate) fn pages(bytes: &[u8]) -> Result<Vec<Page>, DocumentError> {
    let bytes = trim(bytes)?;
    bomb::check_object_streams(bytes)?;
    let document = Pdf::new(bytes.to_vec()).map_err(|error| classify(error, bytes))?;
    match document.pages().len() {
        0 => return Err(DocumentError::NoPages),
        n if n > MAX_PAGES => return Err(DocumentError::TooManyPages),
        _ => {}
    }
    let layers = Layers::of(document.xref());
    let mut fonts = Fonts::new();
    let mut texts = vec![];
    let mut length = 0;
    let (mut shown, mut unmapped) = (0, 0);
    for page in document.pages().iter() {
        let mut reader = Reader::new(&mut fonts, &layers);
        reader.read_page(page)?;
        annotations::read(page, &mut reader)?;
        let glyphs = reader.finish();
        shown += glyphs.len();
        unmapped += glyphs.iter().filter(|glyph| glyph.is_unmapped()).count();
        let text = layout::text(glyphs);
        length += text.len();
        if length > MAX_TEXT {
            return Err(DocumentError::TooMuchText);
        }
        texts.push(text);
    }
    // A document that lost most of its text would look complete, so it is refused.
    if unmapped * 2 > shown {
        return Err(DocumentError::UnmappedPdf);
    }
    mend::resolve_hyphens(&mut texts);
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Err(DocumentError::NoTextInPdf);
    }
    Ok((1..).zip(texts).map(|(number, text)| Page { number, text }).collect())
}

/// Returns the bytes from the header on. Offsets in a PDF count from there.
fn trim(bytes: &[u8]) -> Result<&[u8], DocumentError> {
    let head = bytes.get(..MAX_PREFIX + HEADER.len()).unwrap_or(bytes);
    let start = head.windows(HEADER.len()).position(|at| at == HEADER).ok_or(DocumentError::NotPdf)?;
    bytes.get(start..).ok_or(DocumentError::NotPdf)
}

/// Returns the elements of an array. Skips references to missing objects.
fn elements<'a>(array: &Array<'a>, xref: &'a XRef) -> impl Iterator<Item = Object<'a>> {
    array.raw_iter().filter_map(|element| match element {
        MaybeRef::Ref(reference) => xref.get::<Object<'_>>(reference.into()),
        MaybeRef::NotRef(object) => Some(object),
    })
}

fn classify(error: LoadPdfError, bytes: &[u8]) -> DocumentError {
    let encrypted = bytes.windows(8).any(|at| at == b"/Encrypt");
    match error {
        LoadPdfError::Decryption(
            DecryptionError::PasswordProtected
            | DecryptionError::UnsupportedAlgorithm
            | DecryptionError::MissingIDEntry
            | DecryptionError::InvalidEncryption,
        ) => DocumentError::EncryptedPdf,
        LoadPdfError::Invalid if encrypted => DocumentError::EncryptedPdf,
        LoadPdfError::Invalid => DocumentError::PdfTable,
    }
}
