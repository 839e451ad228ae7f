//! The passage that is being filled.

use std::ops::Range;
use std::rc::Rc;

use super::weight::{self, QUARTERS};
use crate::Passage;

/// Tokens of the first line: the document's title and the headings.
pub(crate) const FIRST_LINE: usize = 100;
/// Tokens of the title within the first line.
const TITLE: usize = 40;
/// Between the title and the headings of the first line.
const ARROW: &str = " > ";

/// A heading path, shared by the texts under it.
type Path = Rc<[(u8, Rc<str>)]>;

/// Where in the document the reader is.
pub(crate) struct Context {
    title: Option<Rc<str>>,
    path: Path,
}

impl Context {
    pub(crate) fn new(title: Option<&str>) -> Self {
        let title = title.map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
        let title = title.filter(|title| !title.is_empty());
        Self {
            title: title.map(|title| weight::beginning(&title, TITLE * QUARTERS).into()),
            path: Rc::new([]),
        }
    }

    /// Goes into a section.
    pub(crate) fn enter(&mut self, level: u8, text: String) {
        let mut path: Vec<_> = self.path.iter().filter(|(above, _)| *above < level).cloned().collect();
        path.push((level, text.into()));
        self.path = path.into();
    }

    /// Returns whether a heading of `level` belongs into the current section.
    pub(crate) fn is_above(&self, level: u8) -> bool {
        self.path.last().is_none_or(|(above, _)| *above < level)
    }
}

/// A piece of text under a heading path.
struct Item {
    text: String,
    separator: &'static str,
    path: Path,
}

/// The passage that is being filled.
#[derive(Default)]
pub(crate) struct Open {
    items: Vec<Item>,
    page: Option<u32>,
    /// Where the items stand in the text of the document.
    range: Range<usize>,
    /// Weight of the texts and of the headings within them.
    used: usize,
    /// Length of the path that all items share.
    common: usize,
    /// The table of the last item, and its header as it is repeated.
    table: Option<Rc<str>>,
    known: Option<(Rc<str>, Rc<str>)>,
}

impl Open {
    pub(crate) fn weight(&self) -> usize {
        self.used
    }

    /// Returns the weight with the headings that the next text brings.
    pub(crate) fn weight_with(&self, context: &Context) -> usize {
        self.used + self.cost("", None, context)
    }

    /// Returns the header of a table as every passage repeats it.
    pub(crate) fn header(&mut self, header: &Rc<str>, limit: usize) -> Rc<str> {
        match &self.known {
            Some((whole, short)) if Rc::ptr_eq(whole, header) => Rc::clone(short),
            _ => {
                let short = weight::beginning(header, limit);
                let short = if short.len() == header.len() { Rc::clone(header) } else { short.into() };
                self.known = Some((Rc::clone(header), Rc::clone(&short)));
                short
            }
        }
    }

    pub(crate) fn fits(&self, text: &str, header: Option<&Rc<str>>, context: &Context, limit: usize) -> bool {
        self.items.is_empty() || self.used + self.cost(text, header, context) <= limit
    }

    /// Returns what `text` adds to the weight.
    fn cost(&self, text: &str, header: Option<&Rc<str>>, context: &Context) -> usize {
        let header = header.filter(|header| !self.is_in(header));
        let headings = match (self.items.first(), self.items.last()) {
            (Some(first), Some(last)) => {
                let common = shared(&first.path, &context.path).min(self.common);
                // The first item's headings leave the first line.
                lines(first.path.get(common..self.common))
                    + lines(context.path.get(shared(&last.path, &context.path)..))
            }
            _ => 0,
        };
        weight::sum(text) + 2 + headings + header.map_or(0, |header| weight::sum(header) + 1)
    }

    fn is_in(&self, header: &Rc<str>) -> bool {
        self.table.as_ref().is_some_and(|table| Rc::ptr_eq(table, header))
    }

    pub(crate) fn push(
        &mut self,
        text: &str,
        separator: &'static str,
        header: Option<&Rc<str>>,
        page: Option<u32>,
        range: Range<usize>,
        context: &Context,
    ) {
        self.used += self.cost(text, header, context);
        let path = Rc::clone(&context.path);
        self.common = match self.items.first() {
            Some(first) => self.common.min(shared(&first.path, &path)),
            None => path.len(),
        };
        if self.items.is_empty() {
            self.page = page;
            self.range = range;
        } else {
            self.range.end = range.end;
        }
        let text = match header.filter(|header| !self.is_in(header)) {
            Some(header) => format!("{header}\n{text}"),
            None => text.to_owned(),
        };
        self.table = header.cloned();
        self.items.push(Item { text, separator, path });
    }

    /// Returns the passage, unless it is empty.
    pub(crate) fn close(self, context: &Context) -> Option<Passage> {
        let first = self.items.first()?;
        let path = Rc::clone(&first.path);
        let headings: Vec<String> =
            path.iter().take(self.common).map(|(_, heading)| heading.to_string()).collect();
        let mut text = first_line(context.title.as_deref(), &headings);
        let mut last: &[(u8, Rc<str>)] = path.get(..self.common).unwrap_or_default();
        let mut separator = "\n";
        for item in &self.items {
            let new = item.path.get(shared(last, &item.path)..).unwrap_or_default();
            for (_, heading) in new {
                append(&mut text, if separator == "\n" { "\n" } else { "\n\n" }, heading);
                separator = "\n";
            }
            if !item.text.is_empty() {
                let before =
                    if new.is_empty() && separator != "\n" && item.separator != "\n" { "\n\n" } else { "\n" };
                append(&mut text, before, &item.text);
                separator = "\n\n";
            }
            last = &item.path;
        }
        let range = position(self.range.start)..position(self.range.end);
        (!text.is_empty()).then_some(Passage { text, headings, page: self.page, range: Some(range) })
    }
}

/// Returns a number of characters. The text of a document has fewer than `u32::MAX`, because it is in memory.
fn position(characters: usize) -> u32 {
    u32::try_from(characters).unwrap_or(u32::MAX)
}

fn append(text: &mut String, separator: &str, more: &str) {
    if !text.is_empty() {
        text.push_str(separator);
    }
    text.push_str(more);
}

/// Returns the title and the innermost headings that fit into the first line.
fn first_line(title: Option<&str>, headings: &[String]) -> String {
    let title = title.filter(|title| headings.first().is_none_or(|first| first != title));
    let mut room = FIRST_LINE * QUARTERS - title.map_or(0, |title| weight::sum(title) + ARROW.len());
    let mut parts: Vec<&str> = vec![];
    for heading in headings.iter().rev() {
        let Some(rest) = room.checked_sub(weight::sum(heading) + ARROW.len()) else { break };
        room = rest;
        parts.push(heading);
    }
    parts.extend(title);
    parts.reverse();
    parts.join(ARROW)
}

/// Returns how many headings two paths share.
fn shared(one: &[(u8, Rc<str>)], other: &[(u8, Rc<str>)]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one.0 == other.0 && Rc::ptr_eq(&one.1, &other.1)).count()
}

/// Returns the weight of headings that stand as lines of the text.
fn lines(path: Option<&[(u8, Rc<str>)]>) -> usize {
    path.unwrap_or_default().iter().map(|(_, heading)| weight::sum(heading) + 2).sum()
}
