//! Paragraphs and tables of a part, in order.

use std::collections::{HashMap, HashSet};

use super::numbering::Numbering;
use super::paragraph::{Runs, Text, has, joins_next};
use super::styles::Styles;
use crate::content::{Content, Kind};
use crate::read::table::{Row, Table, lines};
use crate::read::xml::{Node, Xml};
use crate::{DocumentError, MAX_DEPTH};

/// Text of a cell, in bytes, from which a table lays out a page.
const LONG: usize = 2_000;
/// Length of a title in bytes. A longer one is text.
const MAX_TITLE: usize = 150;
/// Text, in bytes, that merged cells may repeat in one document.
const MAX_REPEATED: usize = 200_000;

/// A place where a part in another format belongs.
pub(crate) struct Chunk {
    /// Index of the next block.
    pub at: usize,
    /// Id of the relationship.
    pub id: String,
}

/// Writes the blocks of a document.
pub(crate) struct Body<'s> {
    runs: Runs<'s>,
    numbering: Numbering,
    notes: HashMap<&'s str, HashMap<String, Node<'s>>>,
    content: Content,
    chunks: Vec<Chunk>,
    /// Text of paragraphs whose end is deleted.
    carried: String,
    margins: HashSet<String>,
    repeated: usize,
    depth: usize,
}

impl<'s> Body<'s> {
    pub(crate) fn new(styles: &'s Styles, numbering: Numbering, notes: &'s HashMap<&str, Xml<'s>>) -> Self {
        let by_id = |tree: &'s Xml<'s>| {
            let notes = ["footnote", "endnote"].into_iter().flat_map(|name| tree.root().all(name));
            notes.filter_map(|note| Some((note.attribute("id")?.into_owned(), note))).collect()
        };
        Self {
            runs: Runs { styles, hidden: false, next_note: 1 },
            numbering,
            notes: notes.iter().map(|(kind, tree)| (*kind, by_id(tree))).collect(),
            content: Content::default(),
            chunks: vec![],
            carried: String::new(),
            margins: HashSet::new(),
            repeated: 0,
            depth: 0,
        }
    }

    pub(crate) fn finish(mut self) -> (Content, Vec<Chunk>) {
        let carried = std::mem::take(&mut self.carried);
        self.content.push(Kind::Paragraph, carried);
        // A title alone is the text.
        if self.content.is_empty() && self.chunks.is_empty() {
            let title = self.content.title.take();
            self.content.push(Kind::Heading(1), title.unwrap_or_default());
        }
        (self.content, self.chunks)
    }

    /// Writes all blocks within `node`.
    pub(crate) fn blocks(&mut self, node: Node<'_>) -> Result<(), DocumentError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DocumentError::TooDeep);
        }
        for child in node.children() {
            match child.name() {
                "p" => self.paragraph(child)?,
                "tbl" => self.table(child)?,
                "altChunk" => {
                    if let Some(id) = child.attribute("id") {
                        self.chunks.push(Chunk { at: self.content.blocks.len(), id: id.into_owned() });
                    }
                }
                "del" | "moveFrom" | "sdtPr" | "sectPr" => {}
                "sdt" if child.at(&["sdtPr", "showingPlcHdr"]).is_some() => {}
                "AlternateContent" => {
                    let shown = child.child("Choice").or_else(|| child.child("Fallback"));
                    shown.map_or(Ok(()), |shown| self.blocks(shown))?;
                }
                // Text outside paragraphs, which Word would repair.
                "r" | "t" => {
                    let mut text = Text::default();
                    self.runs.within(if child.name() == "r" { child } else { node }, &mut text);
                    self.content.push(Kind::Paragraph, text.text);
                    if child.name() == "t" {
                        break;
                    }
                }
                _ => self.blocks(child)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Writes a header or footer unless it is written already or holds only a page number.
    pub(crate) fn margin(&mut self, node: Node<'_>) -> Result<(), DocumentError> {
        let start = self.content.blocks.len();
        let title = self.content.title.clone();
        self.blocks(node)?;
        self.content.title = title;
        let blocks = self.content.blocks.split_off(start);
        for mut block in blocks {
            block.kind = match block.kind {
                Kind::Heading(_) => Kind::Paragraph,
                kind => kind,
            };
            let has_letters = block.text.split_whitespace().any(|word| {
                let word = word.to_lowercase();
                word.contains(char::is_alphabetic)
                    && !matches!(word.as_str(), "page" | "of" | "seite" | "von" | "sur")
            });
            if has_letters && self.margins.insert(block.text.clone()) {
                self.content.blocks.push(block);
            }
        }
        Ok(())
    }

    fn paragraph(&mut self, node: Node<'_>) -> Result<(), DocumentError> {
        let properties = node.child("pPr");
        let named = properties.and_then(|properties| properties.value("pStyle"));
        let id =
            named.map(|id| id.into_owned()).or_else(|| self.runs.styles.default.clone()).unwrap_or_default();
        let style = self.runs.styles.get(&id);
        self.runs.hidden = style.hidden == Some(true);
        let mut text = Text { text: std::mem::take(&mut self.carried), ..Text::default() };
        self.runs.within(node, &mut text);
        if joins_next(properties) {
            self.carried = text.text;
            return Ok(());
        }
        let list = properties.and_then(|properties| properties.child("numPr"));
        let list_id = list.and_then(|list| list.value("numId")).map(|id| id.into_owned()).or(style.list);
        let own_level = list.and_then(|list| list.value("ilvl")?.parse().ok());
        let level = own_level
            .or_else(|| self.numbering.level_of_style(list_id.as_deref()?, &id))
            .or(style.list_level);
        let is_hidden = text.text.trim().is_empty()
            && (self.runs.hidden || has(properties.and_then(|properties| properties.child("rPr")), "vanish"));
        let label = match list_id {
            Some(list) if list != "0" && !is_hidden => self.numbering.label(&list, level.unwrap_or(0)),
            _ => None,
        };
        let outline = properties
            .and_then(|properties| properties.value("outlineLvl"))
            .and_then(|level| level.parse().ok())
            .or(style.outline)
            .filter(|level: &u8| *level < 9);
        self.write(&text, label, outline, style.name == "title" || id == "Title");
        for (part, id, number) in std::mem::take(&mut text.notes) {
            self.note(part, &id, number)?;
        }
        for content in text.boxes {
            self.blocks(content)?;
        }
        Ok(())
    }

    fn write(&mut self, text: &Text<'_>, label: Option<String>, outline: Option<u8>, is_title: bool) {
        let trimmed = text.text.trim();
        if trimmed.is_empty() {
            return;
        }
        if is_title && self.content.title.is_none() && trimmed.len() <= MAX_TITLE {
            self.content.title = Some(trimmed.to_owned());
            return;
        }
        let kind = match (outline, &label) {
            (Some(level), _) => Kind::Heading(level + 1),
            (None, _) if is_title => Kind::Heading(1),
            (None, Some(_)) => Kind::Item,
            (None, None) => Kind::Paragraph,
        };
        self.content.push(kind, format!("{}{trimmed}", label.unwrap_or_default()));
    }

    /// Adds a note to the block that refers to it.
    fn note(&mut self, part: &str, id: &str, number: usize) -> Result<(), DocumentError> {
        // Each note is read once: two that refer to each other would never end.
        let Some(node) = self.notes.get_mut(part).and_then(|notes| notes.remove(id)) else { return Ok(()) };
        let (start, hidden) = (self.content.blocks.len(), self.runs.hidden);
        self.blocks(node)?;
        self.runs.hidden = hidden;
        let note = lines(self.content.blocks.split_off(start)).join(" ");
        match self.content.blocks.last_mut() {
            Some(block) if !matches!(block.kind, Kind::Heading(_)) => {
                block.text.push_str(&format!("\n[{number}] {}", note.trim()));
            }
            _ => self.content.push(Kind::Paragraph, format!("[{number}] {}", note.trim())),
        }
        Ok(())
    }

    fn table(&mut self, node: Node<'_>) -> Result<(), DocumentError> {
        let mut rows = vec![];
        collect(node, "tr", &mut rows);
        let cells: Vec<Vec<Node<'_>>> = rows
            .iter()
            .map(|row| {
                let mut cells = vec![];
                collect(*row, "tc", &mut cells);
                cells
            })
            .collect();
        let widest = cells.iter().map(Vec::len).max().unwrap_or_default();
        if widest < 2 || rows.len() < 2 && cells.iter().flatten().any(|cell| cell.text().len() > LONG) {
            for cell in cells.into_iter().flatten() {
                self.blocks(cell)?;
            }
            return Ok(());
        }
        let mut table = Table::default();
        let mut above: Vec<String> = vec![];
        for (row, cells) in rows.into_iter().zip(cells) {
            let properties = row.child("trPr");
            if properties.is_some_and(|properties| properties.child("del").is_some()) {
                continue;
            }
            let mut line = Row { is_header: has(properties, "tblHeader"), ..Row::default() };
            for cell in cells {
                let text = self.cell(cell)?;
                self.place(cell, text, &above, &mut line);
            }
            above.clone_from(&line.cells);
            table.rows.push(line);
        }
        table.write(&mut self.content);
        Ok(())
    }

    /// Appends a cell to its row. A cell merged with the one above repeats its text.
    fn place(&mut self, cell: Node<'_>, text: String, above: &[String], line: &mut Row) {
        let properties = cell.child("tcPr");
        let merge = properties.and_then(|properties| properties.child("vMerge"));
        let continues =
            merge.is_some_and(|merge| merge.attribute("val").is_none_or(|value| value == "continue"));
        let text = match above.get(line.cells.len()).filter(|_| continues && text.is_empty()) {
            Some(text) if self.repeated <= MAX_REPEATED => {
                self.repeated += text.len();
                text.clone()
            }
            _ => text,
        };
        let span = properties.and_then(|properties| properties.value("gridSpan")?.parse::<usize>().ok());
        line.cells.push(text);
        let empty = span.unwrap_or(1).clamp(1, 64) - 1;
        line.cells.extend(std::iter::repeat_n(String::new(), empty));
    }

    /// Returns the text of a cell as one line.
    fn cell(&mut self, cell: Node<'_>) -> Result<String, DocumentError> {
        let start = self.content.blocks.len();
        self.blocks(cell)?;
        let lines = lines(self.content.blocks.split_off(start));
        Ok(lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Collects the rows of a table or the cells of a row, also within content controls, but not
/// those of a table within a cell, and none that are deleted.
fn collect<'t>(node: Node<'t>, name: &str, found: &mut Vec<Node<'t>>) {
    for child in node.children() {
        match child.name() {
            other if other == name => found.push(child),
            "tbl" | "p" | "tc" | "del" | "moveFrom" => {}
            _ => collect(child, name, found),
        }
    }
}
