//! Text of a PDF, in the order in which the pages draw it.
//!
//! Fonts map codes to characters. Positions on the page decide only about spaces and line
//! ends. Text in embedded drawings (form XObjects) is not read.

use std::collections::BTreeMap;

use lopdf::content::{Content, Operation};
use lopdf::{
    DecompressError, Dictionary, Document, Encoding, Error, LoadOptions, Object, ObjectId, ParseError,
};

use crate::{DocumentError, MAX_EXPANDED, MAX_PAGES, MAX_TEXT};

/// Adjustment between characters, in thousandths of the font size, that counts as a space.
const SPACE: f32 = -200.0;
/// Distance between two baselines, in points, that counts as a new line.
const LINE: f32 = 1.0;

/// Returns the text of a PDF, with an empty line between pages.
pub(crate) fn text(bytes: &[u8]) -> Result<String, DocumentError> {
    let options = LoadOptions::with_max_decompressed_size(MAX_EXPANDED);
    let document = Document::load_mem_with_options(bytes, options).map_err(classify)?;
    // A PDF with an empty user password, such as one that only forbids printing, was
    // decrypted above. Any other encrypted PDF cannot be read.
    if document.trailer.has(b"Encrypt") && document.encryption_state.is_none() {
        return Err(DocumentError::EncryptedPdf);
    }
    let pages: Vec<_> = document.page_iter().take(MAX_PAGES + 1).collect();
    match pages.len() {
        0 => return Err(DocumentError::NoPages),
        n if n > MAX_PAGES => return Err(DocumentError::TooManyPages),
        _ => {}
    }
    let mut fonts = Fonts { document: &document, encodings: BTreeMap::new() };
    let mut text = String::new();
    for page in pages {
        fonts.read(page, &mut text)?;
        text.push_str("\n\n");
    }
    Ok(text)
}

fn classify(error: Error) -> DocumentError {
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

/// The encodings of a document's fonts. Pages share fonts, so each is read once.
struct Fonts<'a> {
    document: &'a Document,
    encodings: BTreeMap<*const Dictionary, Option<Encoding<'a>>>,
}

impl<'a> Fonts<'a> {
    /// Appends the text of a page to `text`. Skips content that cannot be parsed.
    fn read(&mut self, page: ObjectId, text: &mut String) -> Result<(), DocumentError> {
        let names = self.document.get_page_fonts(page).unwrap_or_default();
        for font in names.values() {
            self.load(font)?;
        }
        let content = match self.document.get_page_content_with_limit(page, MAX_EXPANDED) {
            Ok(content) => content,
            Err(error) => return skip_unless_bomb(error),
        };
        let mut page_text = PageText::new(text);
        let mut encoding = None;
        for operation in Content::decode_iter(&content) {
            let Ok(operation) = operation else { break };
            if operation.operator == "Tf" {
                let name = operation.operands.first().and_then(|name| name.as_name().ok());
                let font = name.and_then(|name| names.get(name));
                encoding = font.and_then(|font| self.encodings.get(&std::ptr::from_ref(*font))?.as_ref());
            } else {
                page_text.execute(&operation, encoding);
            }
            if page_text.text.len() > MAX_TEXT {
                return Err(DocumentError::TooMuchText);
            }
        }
        Ok(())
    }

    fn load(&mut self, font: &'a Dictionary) -> Result<(), DocumentError> {
        let address = std::ptr::from_ref(font);
        if !self.encodings.contains_key(&address) {
            let encoding = match font.get_font_encoding_with_limit(self.document, MAX_EXPANDED) {
                Ok(encoding) => Some(encoding),
                Err(error) => skip_unless_bomb(error).map(|()| None)?,
            };
            self.encodings.insert(address, encoding);
        }
        Ok(())
    }
}

/// Skips a page or font that cannot be parsed. Fails if it expands too much.
fn skip_unless_bomb(error: Error) -> Result<(), DocumentError> {
    match classify(error) {
        DocumentError::Expands => Err(DocumentError::Expands),
        _ => Ok(()),
    }
}

/// The text so far, and the position of the next character.
struct PageText<'a> {
    text: &'a mut String,
    /// Height of the baseline, and the vertical scale of the text matrix.
    baseline: f32,
    scale: f32,
    /// Default distance to the next line.
    leading: f32,
    /// The baseline of the last text on this page.
    last: Option<f32>,
    moved: bool,
}

impl<'a> PageText<'a> {
    fn new(text: &'a mut String) -> Self {
        Self { text, baseline: 0.0, scale: 1.0, leading: 0.0, last: None, moved: false }
    }

    /// Executes a text operator of a page's content: ISO 32000-1, 9.4.
    fn execute(&mut self, operation: &Operation, encoding: Option<&Encoding<'_>>) {
        let operands = operation.operands.as_slice();
        match operation.operator.as_str() {
            "BT" => (self.baseline, self.scale, self.moved) = (0.0, 1.0, true),
            "Td" => self.step(number(operands, 1)),
            "TD" => {
                self.leading = -number(operands, 1);
                self.step(-self.leading);
            }
            "TL" => self.leading = number(operands, 0),
            "T*" => self.line(),
            "Tm" => {
                (self.scale, self.baseline, self.moved) = (number(operands, 3), number(operands, 5), true);
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
        self.baseline += down * self.scale;
        self.moved = true;
    }

    /// Moves to the next line. Without a leading, uses a distance that counts as a new line.
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
                    // Characters that the font does not map are skipped.
                    let _ = encoding.write_to_string(letters, self.text);
                }
                part if part.as_float().is_ok_and(|pull| pull < SPACE) => self.space(),
                _ => {}
            }
        }
    }

    /// Appends a line end or a space if the position changed since the last text.
    fn separate(&mut self) {
        match self.last.replace(self.baseline) {
            Some(last) if (last - self.baseline).abs() > LINE => self.text.push('\n'),
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

/// Returns the number at `index`, or 0 if there is none.
fn number(operands: &[Object], index: usize) -> f32 {
    operands.get(index).and_then(|operand| operand.as_float().ok()).unwrap_or_default()
}
