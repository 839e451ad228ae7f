//! Text of a PDF: what its pages show, in the order in which they show it.
//!
//! Letters are looked up through the fonts; where on the page they stand decides only
//! whether a space or a line end is between them. Text within drawings that a page embeds
//! (form XObjects) is not read.

use std::collections::BTreeMap;

use lopdf::content::{Content, Operation};
use lopdf::{
    DecompressError, Dictionary, Document, Encoding, Error, LoadOptions, Object, ObjectId, ParseError,
};

use crate::{DocumentError, MAX_EXPANDED, MAX_PAGES, MAX_TEXT};

/// How far apart letters are pulled, in thousandths of the font's size, before it is a space.
const SPACE: f32 = -200.0;
/// How far apart the feet of two letters are, in points, before they are on two lines.
const LINE: f32 = 1.0;

/// Returns the text of a PDF, pages apart by an empty line.
pub(crate) fn text(bytes: &[u8]) -> Result<String, DocumentError> {
    let options = LoadOptions::with_max_decompressed_size(MAX_EXPANDED);
    let document = Document::load_mem_with_options(bytes, options).map_err(refused)?;
    // Without a password there is nothing of it to read. Where none is needed, as for
    // documents that only forbid printing, it was decrypted above.
    if document.trailer.has(b"Encrypt") && document.encryption_state.is_none() {
        return Err(DocumentError::EncryptedPdf);
    }
    let pages: Vec<_> = document.page_iter().take(MAX_PAGES + 1).collect();
    match pages.len() {
        0 => return Err(DocumentError::NoPages),
        n if n > MAX_PAGES => return Err(DocumentError::TooManyPages),
        _ => {}
    }
    let mut fonts = Fonts { document: &document, known: BTreeMap::new() };
    let mut text = String::new();
    for page in pages {
        fonts.read(page, &mut text)?;
        text.push_str("\n\n");
    }
    Ok(text)
}

fn refused(error: Error) -> DocumentError {
    match error {
        Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => DocumentError::Expands,
        Error::Parse(ParseError::InvalidFileHeader) => DocumentError::NotPdf,
        Error::Parse(ParseError::InvalidXref | ParseError::InvalidTrailer)
        | Error::Xref(_)
        | Error::MissingXrefEntry => DocumentError::PdfTable,
        Error::Decryption(_)
        | Error::InvalidPassword
        | Error::UnsupportedSecurityHandler(_)
        | Error::Unimplemented(_) => DocumentError::EncryptedPdf,
        _ => DocumentError::BrokenPdf,
    }
}

/// Which letters a document's fonts draw. Pages share fonts: each is read once.
struct Fonts<'a> {
    document: &'a Document,
    known: BTreeMap<*const Dictionary, Option<Encoding<'a>>>,
}

impl<'a> Fonts<'a> {
    /// Adds the text of a page to `text`. What cannot be understood of a page is left out.
    fn read(&mut self, page: ObjectId, text: &mut String) -> Result<(), DocumentError> {
        let names = self.document.get_page_fonts(page).unwrap_or_default();
        for font in names.values() {
            self.learn(font)?;
        }
        let content = match self.document.get_page_content_with_limit(page, MAX_EXPANDED) {
            Ok(content) => content,
            Err(error) => return forgiven(error),
        };
        let mut shown = Shown::new(text);
        let mut encoding = None;
        for operation in Content::decode_iter(&content) {
            let Ok(operation) = operation else { break };
            if operation.operator == "Tf" {
                let name = operation.operands.first().and_then(|name| name.as_name().ok());
                let font = name.and_then(|name| names.get(name));
                encoding = font.and_then(|font| self.known.get(&std::ptr::from_ref(*font))?.as_ref());
            } else {
                shown.operate(&operation, encoding);
            }
            if shown.text.len() > MAX_TEXT {
                return Err(DocumentError::TooMuchText);
            }
        }
        Ok(())
    }

    fn learn(&mut self, font: &'a Dictionary) -> Result<(), DocumentError> {
        let address = std::ptr::from_ref(font);
        if !self.known.contains_key(&address) {
            let encoding = match font.get_font_encoding_with_limit(self.document, MAX_EXPANDED) {
                Ok(encoding) => Some(encoding),
                Err(error) => forgiven(error).map(|()| None)?,
            };
            self.known.insert(address, encoding);
        }
        Ok(())
    }
}

/// A page or a font that cannot be understood is passed over; a bomb is not.
fn forgiven(error: Error) -> Result<(), DocumentError> {
    match refused(error) {
        DocumentError::Expands => Err(DocumentError::Expands),
        _ => Ok(()),
    }
}

/// The text shown so far, and where on the page the next letter stands.
struct Shown<'a> {
    text: &'a mut String,
    /// Height of the line, and how much its matrix stretches it.
    height: f32,
    stretch: f32,
    /// How far down the next line is, where nothing else says so.
    leading: f32,
    /// The height at which text was shown last, if any was on this page.
    last: Option<f32>,
    moved: bool,
}

impl<'a> Shown<'a> {
    fn new(text: &'a mut String) -> Self {
        Self { text, height: 0.0, stretch: 1.0, leading: 0.0, last: None, moved: false }
    }

    /// Does what an operator of a page's content says about text: ISO 32000-1, 9.4.
    fn operate(&mut self, operation: &Operation, encoding: Option<&Encoding<'_>>) {
        let operands = operation.operands.as_slice();
        match operation.operator.as_str() {
            "BT" => (self.height, self.stretch, self.moved) = (0.0, 1.0, true),
            "Td" => self.step(number(operands, 1)),
            "TD" => {
                self.leading = -number(operands, 1);
                self.step(-self.leading);
            }
            "TL" => self.leading = number(operands, 0),
            "T*" => self.line(),
            "Tm" => {
                (self.stretch, self.height, self.moved) = (number(operands, 3), number(operands, 5), true);
            }
            "Tj" => self.show(operands, encoding),
            "'" => {
                self.line();
                self.show(operands, encoding);
            }
            "\"" => {
                self.line();
                self.show(operands.get(2..).unwrap_or_default(), encoding);
            }
            "TJ" => {
                if let Some(Object::Array(parts)) = operands.first() {
                    self.show(parts, encoding);
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, down: f32) {
        self.height += down * self.stretch;
        self.moved = true;
    }

    /// Goes to the next line. One that nobody said the height of is a line all the same.
    fn line(&mut self) {
        let leading = if self.leading == 0.0 { 2.0 * LINE } else { self.leading };
        self.step(-leading);
    }

    fn show(&mut self, parts: &[Object], encoding: Option<&Encoding<'_>>) {
        let Some(encoding) = encoding else { return };
        for part in parts {
            match part {
                Object::String(letters, _) => {
                    self.separate();
                    // Letters that a font does not explain are left out.
                    let _ = encoding.write_to_string(letters, self.text);
                }
                part if part.as_float().is_ok_and(|pull| pull < SPACE) => self.space(),
                _ => {}
            }
        }
    }

    /// Puts between what was shown last and what follows what their places say.
    fn separate(&mut self) {
        match self.last.replace(self.height) {
            Some(last) if (last - self.height).abs() > LINE => self.text.push('\n'),
            Some(_) if self.moved => self.space(),
            _ => {}
        }
        self.moved = false;
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }
}

/// The operand at `index`, or nothing where there is none that is a number.
fn number(operands: &[Object], index: usize) -> f32 {
    operands.get(index).and_then(|operand| operand.as_float().ok()).unwrap_or_default()
}
