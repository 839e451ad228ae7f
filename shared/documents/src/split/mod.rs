//! Makes passages from blocks.
//!
//! A passage has about 350 tokens, and begins with the document's title and its headings. A
//! heading starts a new passage unless the section before it is short. Rows repeat the header
//! of their table. Every step is linear in the size of the text.

mod cut;
mod data;
mod open;
mod weight;

use std::borrow::Cow;
use std::rc::Rc;

use self::cut::Pieces;
use self::open::{Context, Open};
use self::weight::QUARTERS;
use crate::content::{Block, Content, Kind};
use crate::{MAX_PASSAGE_TOKENS, MAX_PASSAGES, Passage};

/// Tokens of a passage of a usual document, without its first line.
const TARGET: usize = 350;
/// Tokens below which a section shares its passage with the next one.
const SHORT: usize = 100;
/// Tokens of a table's header that every passage repeats.
const HEADER: usize = 100;
/// Tokens of a heading. A longer one is a paragraph.
const HEADING: usize = 40;

/// Returns the passages of `content`: at most one more than [`MAX_PASSAGES`].
pub(crate) fn passages(content: &Content) -> Vec<Passage> {
    let mut splitter = Splitter::new(content);
    for block in &content.blocks {
        if splitter.passages.len() > MAX_PASSAGES {
            break;
        }
        splitter.add(block);
    }
    splitter.orphans();
    splitter.close();
    splitter.passages.truncate(MAX_PASSAGES + 1);
    splitter.passages
}

struct Splitter {
    context: Context,
    /// The most that the text of a passage may weigh.
    limit: usize,
    /// Weight below which a section shares its passage with the next one.
    short: usize,
    open: Open,
    passages: Vec<Passage>,
    /// A heading came after the last text.
    pending: bool,
    /// The header of the last row.
    table: Option<Rc<str>>,
}

impl Splitter {
    fn new(content: &Content) -> Self {
        let total: usize = content.blocks.iter().map(|block| weight::sum(&block.text)).sum();
        // A long document gets larger passages, so that their number stays within the limit.
        let needed = total.saturating_mul(3) / 2 / MAX_PASSAGES;
        let limit = needed.clamp(TARGET * QUARTERS, (MAX_PASSAGE_TOKENS - open::FIRST_LINE) * QUARTERS);
        let short = needed.clamp(SHORT * QUARTERS, limit);
        let context = Context::new(content.title.as_deref());
        Self { context, limit, short, open: Open::default(), passages: vec![], pending: false, table: None }
    }

    fn add(&mut self, block: &Block) {
        let text = data::remove(&block.text);
        match &block.kind {
            Kind::Heading(level) if weight::sum(&text) <= HEADING * QUARTERS => self.heading(*level, &text),
            Kind::Heading(_) | Kind::Paragraph => self.text(block, text, "\n\n"),
            Kind::Item => self.text(block, text, "\n"),
            Kind::Code => self.text(block, text, "\n\n"),
            Kind::Row(None) => self.text(block, text, "\n"),
            Kind::Row(Some(header)) => self.row(block, header, &text),
        }
    }

    fn heading(&mut self, level: u8, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return;
        }
        if self.pending && !self.context.is_above(level) {
            self.orphans();
        }
        self.context.enter(level, text);
        self.pending = true;
        if self.open.weight() >= self.short {
            self.close();
        }
    }

    /// Keeps headings that have no text.
    fn orphans(&mut self) {
        if self.pending {
            self.pending = false;
            self.place("", "\n", None, None);
        }
    }

    fn text(&mut self, block: &Block, text: Cow<'_, str>, separator: &'static str) {
        if text.trim().is_empty() {
            return;
        }
        let weight = weight::sum(&text);
        if weight <= self.limit {
            // The indent of code and of list items has a meaning.
            let text = match block.kind {
                Kind::Code | Kind::Item => text.trim_matches('\n').trim_end(),
                _ => text.trim(),
            };
            return self.place(text, separator, None, block.page);
        }
        let mut pieces = match block.kind {
            Kind::Code | Kind::Row(_) => Pieces::of_lines(&text),
            _ => Pieces::of_prose(&text),
        };
        let mut room = self.room();
        while let Some(piece) = pieces.next(room) {
            self.place(piece, separator, None, block.page);
            if self.passages.len() > MAX_PASSAGES {
                return;
            }
            room = self.limit;
        }
    }

    /// Returns what the beginning of a long text may weigh: the rest of a short passage, or a
    /// whole passage.
    fn room(&self) -> usize {
        let used = self.open.weight_with(&self.context);
        if used < SHORT * QUARTERS { self.limit - used } else { self.limit }
    }

    fn row(&mut self, block: &Block, whole: &Rc<str>, text: &str) {
        let is_first = !self.table.replace(Rc::clone(whole)).is_some_and(|last| Rc::ptr_eq(&last, whole));
        let header = self.open.header(whole, HEADER * QUARTERS);
        if is_first && header.len() < whole.len() {
            // The passages repeat only the beginning of a long header.
            let names = Block { kind: Kind::Paragraph, text: whole.to_string(), page: block.page };
            self.text(&names, Cow::Borrowed(whole.as_ref()), "\n");
        }
        let most = self.limit.saturating_sub(weight::sum(&header) + QUARTERS);
        let mut pieces = Pieces::of_lines(text);
        while let Some(piece) = pieces.next(most) {
            self.place(piece, "\n", Some(&header), block.page);
            if self.passages.len() > MAX_PASSAGES {
                return;
            }
        }
    }

    /// Appends `text` to the open passage if it fits, and to a new one otherwise.
    fn place(&mut self, text: &str, separator: &'static str, header: Option<&Rc<str>>, page: Option<u32>) {
        self.pending = false;
        if !self.open.fits(text, header, &self.context, self.limit) {
            self.close();
        }
        self.open.push(text, separator, header, page, &self.context);
    }

    fn close(&mut self) {
        let passage = std::mem::take(&mut self.open).close(&self.context);
        self.passages.extend(passage);
    }
}
