//! Where the pieces of a document stand in its text.
//!
//! The text of a document is the text of its blocks, in order, as `extract_text` describes it.

use std::ops::Range;
use std::rc::Rc;

use super::cut::Piece;
use super::data::Gap;
use crate::content::{Block, Content, Kind};

/// Returns the text of a document.
pub(crate) fn text(content: &Content) -> String {
    let mut text = String::new();
    let mut blocks = Blocks::default();
    for block in &content.blocks {
        let Part { separator, header, text: own } = blocks.next(block);
        text.push_str(separator);
        if let Some(header) = header {
            text.push_str(header);
            text.push('\n');
        }
        text.push_str(own);
    }
    text
}

/// What a block adds to the text of the document.
struct Part<'b> {
    separator: &'static str,
    header: Option<&'b str>,
    text: &'b str,
}

/// The blocks of a document, one after the other.
#[derive(Default)]
struct Blocks {
    /// Whether the last block is an entry of a list or a row.
    is_line: Option<bool>,
    /// The header of the last row.
    table: Option<Rc<str>>,
}

impl Blocks {
    fn next<'b>(&mut self, block: &'b Block) -> Part<'b> {
        let is_line = matches!(block.kind, Kind::Item | Kind::Row(_));
        let separator = match self.is_line.replace(is_line) {
            None => "",
            Some(true) if is_line => "\n",
            Some(_) => "\n\n",
        };
        let header = match &block.kind {
            // A table of blank rows has no header.
            Kind::Row(Some(header)) if !block.text.trim().is_empty() => {
                let last = self.table.replace(Rc::clone(header));
                (!last.is_some_and(|last| Rc::ptr_eq(&last, header))).then_some(&**header)
            }
            _ => None,
        };
        Part { separator, header, text: &block.text }
    }
}

/// Counts the characters of the document's text, block by block.
#[derive(Default)]
pub(crate) struct Count {
    blocks: Blocks,
    characters: usize,
}

impl Count {
    /// Returns where the header of `block` begins, if its table begins, and where its text begins.
    pub(crate) fn next(&mut self, block: &Block) -> (Option<usize>, usize) {
        let Part { separator, header, text } = self.blocks.next(block);
        self.characters += separator.len();
        let begin = header.map(|header| {
            let begin = self.characters;
            self.characters += header.chars().count() + 1;
            begin
        });
        let start = self.characters;
        self.characters += text.chars().count();
        (begin, start)
    }
}

/// Where the pieces of one text stand. Asked for pieces in the order of their beginnings, it counts each character once.
pub(crate) struct Places {
    /// Characters before the text.
    start: usize,
    /// Data that was removed from the text.
    gaps: Vec<Gap>,
    /// The first byte of the last piece, and the number of characters before it.
    last: (usize, usize),
}

impl Places {
    /// Returns the places of a text that begins at character `start` and lacks `gaps`.
    pub(crate) fn new(start: usize, gaps: Vec<Gap>) -> Self {
        Self { start, gaps, last: (0, 0) }
    }

    /// Returns the characters of a piece of `text`. Data at its ends does not count, data within it does.
    pub(crate) fn range(&mut self, text: &str, piece: &Piece<'_>) -> Range<usize> {
        let (byte, before) = self.last;
        let start = before + text.get(byte..piece.at).map_or(0, |skipped| skipped.chars().count());
        self.last = (piece.at, start);
        let end = start + piece.text.chars().count();
        let last = piece.at + piece.text.len();
        let removed_at_start = self.removed(|gap| gap.at <= piece.at);
        let removed_at_end = self.removed(|gap| gap.at < last);
        self.start + start + removed_at_start..self.start + end + removed_at_end
    }

    /// Returns how many characters the gaps lack for which `counts` is true. They are the first ones.
    fn removed(&self, counts: impl Fn(&Gap) -> bool) -> usize {
        let number = self.gaps.partition_point(counts);
        number.checked_sub(1).and_then(|last| self.gaps.get(last)).map_or(0, |gap| gap.removed)
    }
}
