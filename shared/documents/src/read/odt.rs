//! OpenDocument texts: headings, paragraphs, lists, tables and notes.

use std::collections::{HashMap, HashSet};

use super::html::list::numeral;
use super::odf;
use super::table::{Row, Table, lines};
use super::xml::{Node, Xml};
use crate::content::{Content, Kind};
use crate::{DocumentError, Format};

/// Returns the content of a text document.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    let (source, title) = odf::parts(bytes, Format::Odt)?;
    let tree = Xml::parse(&source, Format::Odt)?;
    let mut writer = Writer { content: Content { title, ..Content::default() }, ..Writer::default() };
    for style in tree.root().all("style") {
        let hides = style.child("text-properties").and_then(|node| node.attribute("display"));
        if hides.is_some_and(|display| display == "none") {
            writer.hidden.extend(style.attribute("name").map(|name| name.into_owned()));
        }
    }
    for style in tree.root().all("list-style") {
        let formats =
            style.children().filter(|level| level.name() == "list-level-style-number").filter_map(|level| {
                let at: usize = level.attribute("level")?.parse().ok()?;
                let of = |name: &str| level.attribute(name).unwrap_or_default().into_owned();
                Some((
                    at,
                    Numbers { format: of("num-format"), before: of("num-prefix"), after: of("num-suffix") },
                ))
            });
        let formats = formats.collect();
        writer.lists.extend(style.attribute("name").map(|name| (name.into_owned(), formats)));
    }
    if let Some(body) = tree.root().all("body").first().and_then(|body| body.child("text")) {
        writer.blocks(body, None);
    }
    Ok(writer.content)
}

/// How a level of a list is numbered.
#[derive(Default)]
struct Numbers {
    format: String,
    before: String,
    after: String,
}

/// A list around a paragraph.
#[derive(Clone, Copy)]
struct InList<'t> {
    style: Option<&'t str>,
    level: usize,
}

#[derive(Default)]
struct Writer {
    content: Content,
    hidden: HashSet<String>,
    lists: HashMap<String, HashMap<usize, Numbers>>,
    marker: Option<String>,
    notes: usize,
}

impl Writer {
    fn blocks(&mut self, node: Node<'_>, list: Option<InList<'_>>) {
        for child in node.children() {
            match child.name() {
                "h" => {
                    let level =
                        child.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
                    self.paragraph(child, Kind::Heading(level));
                }
                "p" if list.is_some() => self.paragraph(child, Kind::Item),
                "p" => self.paragraph(child, Kind::Paragraph),
                "list" => self.list(child, list),
                "table" => self.table(child),
                "tracked-changes" | "sequence-decls" | "forms" | "annotation" => {}
                "section" if child.attribute("display").is_some_and(|display| display == "none") => {}
                _ => self.blocks(child, list),
            }
        }
    }

    fn list(&mut self, node: Node<'_>, outer: Option<InList<'_>>) {
        let own = node.attribute("style-name");
        let style = own.as_deref().or(outer.and_then(|list| list.style));
        let level = outer.map_or(1, |list| list.level + 1);
        let mut number = 0_i64;
        for item in node.children().filter(|child| matches!(child.name(), "list-item" | "list-header")) {
            let start = item.attribute("start-value").and_then(|start| start.parse().ok());
            number = start.unwrap_or_else(|| number.saturating_add(1));
            let numbers = style.and_then(|style| self.lists.get(style)?.get(&level));
            let label = match numbers.filter(|numbers| !numbers.format.is_empty()) {
                Some(numbers) => {
                    format!("{}{}{}", numbers.before, numeral(number, &numbers.format), numbers.after)
                }
                None => "-".to_owned(),
            };
            self.marker = Some(format!("{}{label} ", "  ".repeat((level - 1).min(10))));
            self.blocks(item, Some(InList { style, level }));
        }
        self.marker = None;
    }

    fn paragraph(&mut self, node: Node<'_>, kind: Kind) {
        let (mut text, mut after) = (String::new(), vec![]);
        if !self.hides(node) {
            self.inline(node, &mut text, &mut after);
        }
        let text = text.trim();
        if !text.is_empty() {
            let marker = self.marker.take().unwrap_or_default();
            let mut text = format!("{marker}{text}");
            let mut boxes = vec![];
            for (note, number) in after {
                match number {
                    Some(number) => text.push_str(&format!("\n[{number}] {}", odf::text(note).trim())),
                    None => boxes.push(note),
                }
            }
            self.content.push(kind, text);
            boxes.into_iter().for_each(|node| self.blocks(node, None));
        } else {
            after.into_iter().for_each(|(node, _)| self.blocks(node, None));
        }
    }

    /// Appends text. Notes and text boxes come after the paragraph.
    fn inline<'t>(&mut self, node: Node<'t>, text: &mut String, after: &mut Vec<(Node<'t>, Option<usize>)>) {
        for child in node.children() {
            match child.name() {
                "" => text.extend(child.own_text()),
                "annotation" | "bookmark" | "hidden-text" | "hidden-paragraph" => {}
                "note" => {
                    self.notes += 1;
                    text.push_str(&format!("[{}]", self.notes));
                    after.extend(child.child("note-body").map(|body| (body, Some(self.notes))));
                }
                "text-box" => after.push((child, None)),
                "s" => text.push(' '),
                "tab" => text.push('\t'),
                "line-break" => text.push('\n'),
                _ if self.hides(child) => {}
                _ => self.inline(child, text, after),
            }
        }
    }

    fn hides(&self, node: Node<'_>) -> bool {
        node.attribute("style-name").is_some_and(|style| self.hidden.contains(&*style))
    }

    fn table(&mut self, node: Node<'_>) {
        let mut table = Table::default();
        self.rows(node, false, &mut table);
        table.write(&mut self.content);
    }

    fn rows(&mut self, node: Node<'_>, is_header: bool, table: &mut Table) {
        for child in node.children() {
            match child.name() {
                "table-header-rows" => self.rows(child, true, table),
                "table-rows" | "table-row-group" => self.rows(child, is_header, table),
                "table-row" => {
                    let mut row = Row { is_header, ..Row::default() };
                    for cell in child
                        .children()
                        .filter(|cell| matches!(cell.name(), "table-cell" | "covered-table-cell"))
                    {
                        let start = self.content.blocks.len();
                        self.blocks(cell, None);
                        row.cells.push(lines(self.content.blocks.split_off(start)).join(" "));
                    }
                    table.rows.push(row);
                }
                _ => {}
            }
        }
    }
}
