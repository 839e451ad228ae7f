//! Writes lines of text, and ends them as blocks.

use super::tree::{Element, Id};
use super::walk::{Scope, Walk};
use crate::DocumentError;
use crate::content::Kind;

impl Walk<'_> {
    /// Writes a picture's description, unless it is a file name or a decoration.
    pub(super) fn picture(&mut self, element: &Element, scope: Scope) {
        let alt = element.attribute("alt").unwrap_or_default().trim();
        let words = alt.split_whitespace().count();
        let decorates = matches!(
            alt.to_ascii_lowercase().as_str(),
            "image" | "logo" | "icon" | "picture" | "photo" | "spacer" | "img" | "bild"
        );
        let is_file = words == 1 && alt.contains(['.', '_', '/']);
        if alt.len() > 2 && !decorates && !is_file && scope.inherited.shows() {
            self.text(&format!(" {alt} "), Scope { preformatted: false, ..scope });
        }
    }

    /// Writes a superscript. Digits stay apart from the number before.
    pub(super) fn raised(&mut self, id: Id, scope: Scope) -> Result<(), DocumentError> {
        let start = self.line.len();
        self.children(id, scope)?;
        let text = self.line.get(start..).unwrap_or_default();
        let signs = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺";
        let raise = |c: char| signs.chars().nth("0123456789-+".find(c)?);
        let raised: Option<String> = text.chars().map(raise).collect();
        if let Some(raised) = raised.filter(|raised| (1..=3).contains(&raised.chars().count())) {
            self.line.truncate(start);
            self.line.push_str(&raised);
        }
        Ok(())
    }

    pub(super) fn line_break(&mut self, scope: Scope) {
        if scope.in_cell {
            self.text(" ", scope);
        } else {
            while self.line.ends_with(' ') {
                self.line.pop();
            }
            self.line.push('\n');
        }
    }

    /// Appends text. Outside preformatted text, blanks collapse.
    pub(super) fn text(&mut self, text: &str, scope: Scope) {
        if scope.preformatted {
            self.line.push_str(text);
            return;
        }
        for (index, word) in text.split(|c: char| c.is_ascii_whitespace() || c == '\u{a0}').enumerate() {
            if index > 0 && !self.line.is_empty() && !self.line.ends_with([' ', '\n']) {
                self.line.push(' ');
            }
            self.line.push_str(word);
        }
    }

    pub(super) fn heading(&mut self, level: u8) {
        let text = std::mem::take(&mut self.line);
        self.undefined();
        // A heading within a list keeps the number of its entry.
        let text = match self.marker.take() {
            Some(marker) => format!("{}{}", marker.trim_start(), text.trim()),
            None => text,
        };
        self.content.push(Kind::Heading(level), text.trim_start_matches("- ").trim());
    }

    /// Ends the open block. Within a cell, a blank is enough.
    pub(super) fn flush_in(&mut self, scope: Scope) {
        if scope.in_cell {
            if !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        } else if scope.preformatted {
            self.flush(Kind::Code);
        } else {
            self.flush(Kind::Paragraph);
        }
    }

    /// Writes terms that have no definition.
    pub(super) fn undefined(&mut self) {
        for term in std::mem::take(&mut self.terms) {
            self.content.push(Kind::Item, term);
        }
    }

    /// Writes the open block, and a marker without text: a term whose definition
    /// is a list.
    pub(crate) fn end_line(&mut self) {
        self.flush(Kind::Paragraph);
        if let Some(marker) = self.marker.take() {
            self.content.push(Kind::Item, marker.trim_end().trim_end_matches('-'));
        }
    }

    /// Writes the open block.
    pub(crate) fn flush(&mut self, kind: Kind) {
        if self.line.trim().is_empty() {
            self.line.clear();
            return;
        }
        let text = std::mem::take(&mut self.line);
        let listed = !self.lists.is_empty() || self.marker.is_some();
        let kind = match kind {
            Kind::Code => Kind::Code,
            _ if listed => Kind::Item,
            kind => kind,
        };
        let text = if matches!(kind, Kind::Code) { text.as_str() } else { text.trim() };
        match self.marker.take() {
            Some(marker) => self.content.push(kind, format!("{marker}{}", text.trim_start())),
            None if matches!(kind, Kind::Item) => {
                let indent = "  ".repeat(self.lists.len().min(20));
                self.content.push(kind, format!("{indent}{text}"));
            }
            None => {
                self.undefined();
                self.content.push(kind, text);
            }
        }
    }
}
