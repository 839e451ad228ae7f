//! Text of a DOCX: one part of a zip archive, as XML events. No tree is built, nothing but
//! that part is unpacked, and what the archive says about sizes is not believed.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use super::text::utf8;
use crate::{DocumentError, MAX_DEPTH, MAX_EXPANDED};

/// Where Word writes a document's text.
const MAIN: &str = "word/document.xml";

/// Returns the text of a DOCX, paragraphs apart by an empty line.
pub(crate) fn text(bytes: &[u8]) -> Result<String, DocumentError> {
    let xml = unpack(bytes)?;
    let mut body = Body::default();
    body.read(utf8(&xml).map_err(|_| DocumentError::BrokenDocx)?)?;
    Ok(body.text)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, DocumentError> {
    // An archive that begins elsewhere is hidden in a file of another kind.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(refused)?;
    let part = archive.by_name(MAIN).map_err(refused)?;
    let mut xml = Vec::new();
    part.take(MAX_EXPANDED as u64 + 1).read_to_end(&mut xml).map_err(|_| DocumentError::BrokenDocx)?;
    if xml.len() > MAX_EXPANDED { Err(DocumentError::Expands) } else { Ok(xml) }
}

fn refused(error: ZipError) -> DocumentError {
    match error {
        ZipError::FileNotFound => DocumentError::NotDocx,
        ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword => DocumentError::PackedDocx,
        _ => DocumentError::BrokenDocx,
    }
}

/// What was read of a document's body, and where in it the reader is.
#[derive(Default)]
struct Body {
    text: String,
    depth: usize,
    /// Runs, the elements that hold what is shown; and texts within them.
    runs: usize,
    texts: usize,
    tables: usize,
    /// The depth of an alternative for old readers, which repeats what was just read.
    repeats: Option<usize>,
}

impl Body {
    fn read(&mut self, xml: &str) -> Result<(), DocumentError> {
        let mut reader = Reader::from_str(xml);
        loop {
            match reader.read_event().map_err(|_| DocumentError::BrokenDocx)? {
                Event::Start(element) => self.begin(element.local_name().into_inner())?,
                Event::End(element) => self.end(element.local_name().into_inner()),
                Event::Empty(element) => self.mark(element.local_name().into_inner()),
                Event::Text(text) => self.show(&text.xml10_content()),
                Event::CData(text) => self.show(&text.xml10_content()),
                Event::GeneralRef(reference) => self.show(resolve(&reference)?.encode_utf8(&mut [0; 4])),
                Event::DocType(_) => return Err(DocumentError::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof if self.depth > 0 => return Err(DocumentError::BrokenDocx),
                Event::Eof => return Ok(()),
            }
        }
    }

    fn begin(&mut self, name: &str) -> Result<(), DocumentError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DocumentError::TooDeep);
        }
        match name {
            "r" => self.runs += 1,
            "t" => self.texts += 1,
            "tbl" => self.tables += 1,
            "Fallback" if self.repeats.is_none() => self.repeats = Some(self.depth),
            _ => {}
        }
        // Not every writer closes these in one tag.
        self.mark(name);
        Ok(())
    }

    fn end(&mut self, name: &str) {
        match name {
            "r" => self.runs = self.runs.saturating_sub(1),
            "t" => self.texts = self.texts.saturating_sub(1),
            "tbl" => self.tables = self.tables.saturating_sub(1),
            "p" if self.tables == 0 => self.text.push_str("\n\n"),
            // A row of a table is a line.
            "p" => self.text.push(' '),
            "tr" => self.text.push('\n'),
            _ => {}
        }
        if self.repeats == Some(self.depth) {
            self.repeats = None;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// What stands for a character. Outside runs the same names set tab stops.
    fn mark(&mut self, name: &str) {
        if self.runs == 0 || self.repeats.is_some() {
            return;
        }
        match name {
            "tab" => self.text.push('\t'),
            "br" | "cr" => self.text.push('\n'),
            "noBreakHyphen" => self.text.push('-'),
            _ => {}
        }
    }

    fn show(&mut self, text: &str) {
        if self.texts > 0 && self.repeats.is_none() {
            self.text.push_str(text);
        }
    }
}

/// A character by its number, or one of the five that XML itself names. An entity that a
/// document defines could stand for anything, of any size.
fn resolve(reference: &BytesRef<'_>) -> Result<char, DocumentError> {
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference.resolve_char_ref().ok().flatten().ok_or(DocumentError::Entity),
    }
}
