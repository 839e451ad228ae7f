//! Text of a DOCX: one part of a zip archive, read as XML events.
//!
//! Builds no tree, unpacks only that part, and ignores the sizes that the archive declares.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use super::text::utf8;
use crate::{DocumentError, MAX_DEPTH, MAX_EXPANDED};

/// The part of the archive that holds the text.
const MAIN: &str = "word/document.xml";

/// Returns the text of a DOCX, with an empty line between paragraphs.
pub(crate) fn text(bytes: &[u8]) -> Result<String, DocumentError> {
    let xml = unpack(bytes)?;
    let mut body = Body::default();
    body.read(utf8(&xml).map_err(|_| DocumentError::BrokenDocx)?)?;
    Ok(body.text)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, DocumentError> {
    // An archive at another offset is hidden in a file of another format.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(classify)?;
    let part = archive.by_name(MAIN).map_err(classify)?;
    let mut xml = Vec::new();
    part.take(MAX_EXPANDED as u64 + 1).read_to_end(&mut xml).map_err(|_| DocumentError::BrokenDocx)?;
    if xml.len() > MAX_EXPANDED { Err(DocumentError::Expands) } else { Ok(xml) }
}

fn classify(error: ZipError) -> DocumentError {
    match error {
        ZipError::FileNotFound => DocumentError::NotDocx,
        ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword => DocumentError::PackedDocx,
        _ => DocumentError::BrokenDocx,
    }
}

/// The text read so far, and the reader's position in the element tree.
#[derive(Default)]
struct Body {
    text: String,
    depth: usize,
    /// Open runs (`w:r`), and open texts (`w:t`) within them.
    runs: usize,
    texts: usize,
    tables: usize,
    /// The depth of an open `mc:Fallback`, which repeats the preceding content.
    fallback: Option<usize>,
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
            "Fallback" if self.fallback.is_none() => self.fallback = Some(self.depth),
            _ => {}
        }
        // Some writers use a start and an end tag instead of an empty element.
        self.mark(name);
        Ok(())
    }

    fn end(&mut self, name: &str) {
        match name {
            "r" => self.runs = self.runs.saturating_sub(1),
            "t" => self.texts = self.texts.saturating_sub(1),
            "tbl" => self.tables = self.tables.saturating_sub(1),
            "p" if self.tables == 0 => self.text.push_str("\n\n"),
            // A table row becomes one line.
            "p" => self.text.push(' '),
            "tr" => self.text.push('\n'),
            _ => {}
        }
        if self.fallback == Some(self.depth) {
            self.fallback = None;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// Appends the character for an element such as `w:tab`. Outside runs, the same names
    /// define tab stops.
    fn mark(&mut self, name: &str) {
        if self.runs == 0 || self.fallback.is_some() {
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
        if self.texts > 0 && self.fallback.is_none() {
            self.text.push_str(text);
        }
    }
}

/// Resolves a numeric reference or one of XML's five predefined entities. A custom entity
/// could expand to any size.
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
