//! What every reader returns: the document as a list of blocks.

use std::fmt;
use std::rc::Rc;

/// The content of a document, in reading order.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub title: Option<String>,
    pub blocks: Vec<Block>,
    pub warnings: Vec<Warning>,
}

/// A piece of text with one role.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub kind: Kind,
    pub text: String,
    pub page: Option<u32>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A heading of a level from 1.
    Heading(u8),
    Paragraph,
    /// An entry of a list, with its number or bullet.
    Item,
    /// A row of a table. The rows of one table share the header's address.
    Row(Option<Rc<str>>),
    /// Lines that must stay as they are.
    Code,
}

/// Text that is missing from the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Warning {
    /// Bytes that the encoding does not define.
    Replaced(usize),
    /// Parts without text, such as scanned pages: their noun, how many, and of how many.
    WithoutText { noun: &'static str, empty: usize, total: usize },
    /// Parts that were not read.
    LeftOut(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced(1) => f.write_str("1 byte is not valid in the document's encoding"),
            Self::Replaced(count) => write!(f, "{count} bytes are not valid in the document's encoding"),
            Self::WithoutText { noun, empty, total } => write!(f, "{empty} of {total} {noun} have no text"),
            Self::LeftOut(what) => write!(f, "not read: {what}"),
        }
    }
}

impl Content {
    /// Appends a block unless it is blank.
    pub(crate) fn push(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        if !text.trim().is_empty() {
            self.blocks.push(Block { kind, text, page: None });
        }
    }

    /// Warns if at least a third of several parts has no text.
    pub(crate) fn warn_empty(&mut self, noun: &'static str, empty: usize, total: usize) {
        if total > 1 && empty * 3 >= total {
            self.warnings.push(Warning::WithoutText { noun, empty, total });
        }
    }

    /// Returns whether no block has text.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.iter().all(|block| block.text.trim().is_empty())
    }
}
