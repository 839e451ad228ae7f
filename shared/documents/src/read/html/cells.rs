//! Tables of data, and tables that lay out a page.

use super::tree::{Element, Id};
use super::walk::{Scope, Walk};
use crate::DocumentError;
use crate::read::table::{Row, Table};

/// Text of a cell, in bytes, from which a table lays out a page.
const LONG: usize = 2_000;
/// Columns that one cell may span.
const MAX_SPAN: usize = 100;
/// Text, in bytes, that spans may repeat in one table.
const MAX_REPEATED: usize = 100_000;

/// Writes a table.
pub(crate) fn table(
    walk: &mut Walk<'_>,
    id: Id,
    element: &Element,
    scope: Scope,
) -> Result<(), DocumentError> {
    if scope.in_cell {
        return walk.block(id, scope);
    }
    let parts = Parts::of(walk, id);
    if element.attribute("role").is_some_and(|role| matches!(role, "presentation" | "none"))
        || parts.lays_out(walk)
    {
        return walk.block(id, scope);
    }
    walk.end_line();
    let mut grid = Grid::default();
    for (row, part) in parts.in_order() {
        let Some(element) = walk.tree.element(row) else { continue };
        let Some(part_element) = walk.tree.element(part.id) else { continue };
        let Some(scope) = walk.scope(part.id, part_element, scope)? else { continue };
        let Some(scope) = walk.scope(row, element, scope)? else { continue };
        read_row(walk, row, part.is_head, scope, &mut grid)?;
    }
    for caption in parts.captions {
        walk.block(caption, Scope { in_cell: true, ..scope })?;
    }
    grid.table.caption = std::mem::take(&mut walk.line).trim().to_owned();
    grid.table.write(&mut walk.content);
    Ok(())
}

/// A group of rows.
#[derive(Clone, Copy)]
struct Part {
    id: Id,
    is_head: bool,
    is_foot: bool,
}

/// The rows of a table and its captions.
struct Parts {
    rows: Vec<(Id, Part)>,
    captions: Vec<Id>,
}

impl Parts {
    fn of(walk: &Walk<'_>, table: Id) -> Self {
        let tree = walk.tree;
        let mut parts = Self { rows: vec![], captions: vec![] };
        for child in tree.children(table) {
            match tree.element(child).map(Element::tag) {
                Some("caption") => parts.captions.push(child),
                Some(tag @ ("thead" | "tbody" | "tfoot")) => {
                    let part = Part { id: child, is_head: tag == "thead", is_foot: tag == "tfoot" };
                    let rows =
                        tree.children(child).filter(|id| tree.element(*id).is_some_and(|e| e.tag() == "tr"));
                    parts.rows.extend(rows.map(|row| (row, part)));
                }
                _ => {}
            }
        }
        parts
    }

    /// Returns the rows as a browser shows them: the head first, the foot last.
    fn in_order(&self) -> impl Iterator<Item = (Id, Part)> {
        let rank = |part: &Part| if part.is_head { 0 } else { 1 + usize::from(part.is_foot) };
        (0..3).flat_map(move |wanted| self.rows.iter().filter(move |(_, part)| rank(part) == wanted).copied())
    }

    /// Returns whether the table lays out a page: one column or one row, or cells with headings,
    /// lists, tables or long text.
    fn lays_out(&self, walk: &Walk<'_>) -> bool {
        let tree = walk.tree;
        let mut widest = 0;
        for (row, part) in &self.rows {
            if part.is_head {
                return false;
            }
            let mut cells = 0;
            for cell in tree.children(*row).filter(|id| tree.element(*id).is_some()) {
                cells += 1;
                if tree.element(cell).is_some_and(|cell| cell.tag() == "th") {
                    return false;
                }
                let mut text = 0;
                for id in tree.below(cell).skip(1) {
                    match tree.node(id).map(|node| &node.data) {
                        Some(super::tree::Data::Element(element))
                            if matches!(
                                element.tag(),
                                "table" | "h1" | "h2" | "h3" | "h4" | "form" | "section" | "article"
                            ) =>
                        {
                            return true;
                        }
                        Some(super::tree::Data::Text(more)) => text += more.len(),
                        _ => {}
                    }
                }
                if text > LONG {
                    return true;
                }
            }
            widest = widest.max(cells);
        }
        self.captions.is_empty() && (widest < 2 || self.rows.len() < 2)
    }
}

/// The rows so far, and the cells that reach into the next rows.
#[derive(Default)]
struct Grid {
    table: Table,
    /// Text and remaining rows of a cell, by column.
    pending: Vec<Option<(String, usize)>>,
    repeated: usize,
}

impl Grid {
    /// Fills columns that a cell above spans.
    fn fill(&mut self, row: &mut Row) {
        while let Some(Some((text, rest))) = self.pending.get_mut(row.cells.len()) {
            *rest -= 1;
            let done = *rest == 0;
            let text = text.clone();
            if done && let Some(slot) = self.pending.get_mut(row.cells.len()) {
                *slot = None;
            }
            self.repeated += text.len();
            row.cells.push(if self.repeated > MAX_REPEATED { String::new() } else { text });
        }
    }
}

fn read_row(
    walk: &mut Walk<'_>,
    id: Id,
    is_head: bool,
    scope: Scope,
    grid: &mut Grid,
) -> Result<(), DocumentError> {
    let mut row = Row::default();
    let (mut heads, mut cells) = (0, 0);
    let tree = walk.tree;
    for cell in tree.children(id) {
        let Some(element) = tree.element(cell) else { continue };
        let is_head_cell = element.tag() == "th";
        let Some(scope) = walk.scope(cell, element, scope)? else { continue };
        grid.fill(&mut row);
        walk.line.clear();
        walk.children(cell, Scope { in_cell: true, ..scope })?;
        let text = std::mem::take(&mut walk.line).split_whitespace().collect::<Vec<_>>().join(" ");
        cells += 1;
        heads += usize::from(is_head_cell);
        let span = |name: &str, most: usize| {
            let span = element.attribute(name).and_then(|span| span.trim().parse::<usize>().ok());
            span.unwrap_or(1).clamp(1, most)
        };
        let (columns, rows) = (span("colspan", MAX_SPAN), span("rowspan", 65_534));
        for column in 0..columns {
            // A name that spans columns names each of them.
            let text = if column == 0 || is_head || is_head_cell { text.clone() } else { String::new() };
            grid.repeated += if column == 0 { 0 } else { text.len() };
            if rows > 1 {
                let at = row.cells.len();
                if grid.pending.len() <= at {
                    grid.pending.resize(at + 1, None);
                }
                if let Some(slot) = grid.pending.get_mut(at) {
                    *slot = Some((text.clone(), rows - 1));
                }
            }
            row.cells.push(if grid.repeated > MAX_REPEATED && column > 0 { String::new() } else { text });
        }
    }
    grid.fill(&mut row);
    row.is_header = is_head || cells > 0 && heads == cells;
    grid.table.rows.push(row);
    Ok(())
}
