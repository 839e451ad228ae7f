//! Makes passages from blocks.
//!
//! A passage has about 350 tokens, and begins with the document's title and its headings. A
//! heading starts a new passage unless the section before it is short. Rows repeat the header
//! of their table. Every step is linear in the size of the text.

mod cut;
mod data;
mod open;
mod place;
mod weight;

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use self::cut::{Piece, Pieces};
use self::open::{Context, Open};
pub(crate) use self::place::text;
use self::place::{Count, Places};
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

/// Gives the passages of `content` to `keep`, in order, and returns their number: at most one more than
/// [`MAX_PASSAGES`]. Takes the blocks out of `content`, so that each is freed when its passages are made.
pub(crate) fn passages(content: &mut Content, keep: impl FnMut(Passage)) -> usize {
    let mut splitter = Splitter::new(content, keep);
    for block in std::mem::take(&mut content.blocks) {
        if splitter.made > MAX_PASSAGES {
            break;
        }
        splitter.add(&block);
    }
    splitter.orphans();
    splitter.close();
    splitter.made
}

struct Splitter<K> {
    context: Context,
    /// The most that the text of a passage may weigh.
    limit: usize,
    /// Weight below which a section shares its passage with the next one.
    short: usize,
    open: Open,
    /// Passages so far.
    made: usize,
    /// Takes the passages.
    keep: K,
    /// The headings after the last text.
    pending: Option<Range<usize>>,
    /// The text of the document.
    count: Count,
    /// Where the header of a table begins whose first row follows.
    header: Option<usize>,
}

/// A text without data, and where its pieces stand in the text of the document.
struct Source<'b> {
    text: Cow<'b, str>,
    places: Places,
}

impl<K: FnMut(Passage)> Splitter<K> {
    fn new(content: &Content, keep: K) -> Self {
        let total: usize = content.blocks.iter().map(|block| weight::sum(&block.text)).sum();
        // A long document gets larger passages, so that their number stays within the limit.
        let needed = total.saturating_mul(3) / 2 / MAX_PASSAGES;
        let limit = needed.clamp(TARGET * QUARTERS, (MAX_PASSAGE_TOKENS - open::FIRST_LINE) * QUARTERS);
        let short = needed.clamp(SHORT * QUARTERS, limit);
        Self {
            context: Context::new(content.title.as_deref()),
            limit,
            short,
            open: Open::default(),
            made: 0,
            keep,
            pending: None,
            count: Count::default(),
            header: None,
        }
    }

    fn add(&mut self, block: &Block) {
        let (header, start) = self.count.next(block);
        if !matches!(block.kind, Kind::Row(Some(_))) {
            self.header = None;
        }
        let (text, gaps) = data::remove(&block.text);
        let source = Source { text, places: Places::new(start, gaps) };
        match &block.kind {
            Kind::Heading(level) if weight::sum(&source.text) <= HEADING * QUARTERS => {
                self.heading(*level, source);
            }
            Kind::Heading(_) | Kind::Paragraph => self.text(block, source, "\n\n"),
            Kind::Item => self.text(block, source, "\n"),
            Kind::Code => self.text(block, source, "\n\n"),
            Kind::Row(None) => self.text(block, source, "\n"),
            Kind::Row(Some(names)) => self.row(block, names, header, source),
        }
    }

    fn heading(&mut self, level: u8, Source { text, mut places }: Source<'_>) {
        let range = places.range(&text, &Piece::trimmed(&text));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return;
        }
        if self.pending.is_some() && !self.context.is_above(level) {
            self.orphans();
        }
        self.context.enter(level, text);
        let start = self.pending.as_ref().map_or(range.start, |before| before.start);
        self.pending = Some(start..range.end);
        if self.open.weight() >= self.short {
            self.close();
        }
    }

    /// Keeps headings that have no text.
    fn orphans(&mut self) {
        if let Some(headings) = self.pending.take() {
            self.place("", "\n", None, None, headings);
        }
    }

    fn text(&mut self, block: &Block, Source { text, mut places }: Source<'_>, separator: &'static str) {
        if text.trim().is_empty() {
            return;
        }
        let weight = weight::sum(&text);
        if weight <= self.limit {
            // The indent of code and of list items has a meaning.
            let piece = match block.kind {
                Kind::Code | Kind::Item => Piece::of_whole_lines(&text),
                _ => Piece::trimmed(&text),
            };
            let range = places.range(&text, &piece);
            return self.place(piece.text, separator, None, block.page, range);
        }
        let mut pieces = match block.kind {
            Kind::Code | Kind::Row(_) => Pieces::of_lines(&text),
            _ => Pieces::of_prose(&text),
        };
        let mut room = self.room();
        while let Some(piece) = pieces.next(room) {
            let range = places.range(&text, &piece);
            self.place(piece.text, separator, None, block.page, range);
            if self.made > MAX_PASSAGES {
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

    /// Adds a row. `begin` is where the header `whole` stands, if this is the first row of the table.
    fn row(
        &mut self,
        block: &Block,
        whole: &Rc<str>,
        begin: Option<usize>,
        Source { text, mut places }: Source<'_>,
    ) {
        let header = self.open.header(whole, HEADER * QUARTERS);
        if let Some(begin) = begin {
            self.header = Some(begin);
            if header.len() < whole.len() {
                // The passages repeat only the beginning of a long header.
                let names = Block { kind: Kind::Paragraph, text: whole.to_string(), page: block.page };
                let source =
                    Source { text: Cow::Borrowed(whole.as_ref()), places: Places::new(begin, vec![]) };
                self.text(&names, source, "\n");
                self.header = None;
            }
        }
        let most = self.limit.saturating_sub(weight::sum(&header) + QUARTERS);
        let mut pieces = Pieces::of_lines(&text);
        while let Some(piece) = pieces.next(most) {
            let mut range = places.range(&text, &piece);
            range.start = self.header.take().unwrap_or(range.start);
            self.place(piece.text, "\n", Some(&header), block.page, range);
            if self.made > MAX_PASSAGES {
                return;
            }
        }
    }

    /// Appends `text` to the open passage if it fits, and to a new one otherwise.
    ///
    /// `range` is where the text stands. A passage that headings open begins with these headings.
    fn place(
        &mut self,
        text: &str,
        separator: &'static str,
        header: Option<&Rc<str>>,
        page: Option<u32>,
        mut range: Range<usize>,
    ) {
        if let Some(headings) = self.pending.take() {
            range.start = headings.start;
        }
        if !self.open.fits(text, header, &self.context, self.limit) {
            self.close();
        }
        self.open.push(text, separator, header, page, range, &self.context);
    }

    fn close(&mut self) {
        let passage = std::mem::take(&mut self.open).close(&self.context);
        if let Some(passage) = passage.filter(|_| self.made <= MAX_PASSAGES) {
            self.made += 1;
            (self.keep)(passage);
        }
    }
}
