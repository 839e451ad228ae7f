//! OpenDocument spreadsheets. Cells hold the text that people see.

use std::collections::HashSet;

use super::{Sheet, workbook};
use crate::content::Content;
use crate::read::odf;
use crate::read::xml::{Node, Xml};
use crate::{DocumentError, Format};

/// Times that a row or cell with text may be repeated.
const MAX_REPEAT: usize = 1_000;
/// Cells of one spreadsheet, with the empty ones between others.
const MAX_CELLS: usize = 2_000_000;

/// Returns the content of a spreadsheet.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    let (source, title) = odf::parts(bytes, Format::Ods)?;
    let tree = Xml::parse(&source, Format::Ods)?;
    let invisible: HashSet<String> = tree
        .root()
        .all("style")
        .into_iter()
        .filter(|style| {
            style
                .child("table-properties")
                .is_some_and(|node| node.attribute("display").is_some_and(|value| value == "false"))
        })
        .filter_map(|style| Some(style.attribute("name")?.into_owned()))
        .collect();
    let (mut sheets, mut hidden, mut count) = (vec![], 0, 0);
    for table in tree.root().all("table") {
        if table.attribute("style-name").is_some_and(|style| invisible.contains(&*style)) {
            hidden += 1;
            continue;
        }
        let mut sheet =
            Sheet { name: table.attribute("name").unwrap_or_default().into_owned(), ..Sheet::default() };
        rows(table, &mut sheet, &mut count)?;
        sheets.push(sheet);
    }
    let mut content = workbook(sheets, hidden)?;
    content.title = title;
    Ok(content)
}

fn rows(node: Node<'_>, sheet: &mut Sheet, count: &mut usize) -> Result<(), DocumentError> {
    for child in node.children() {
        match child.name() {
            "table-row" => {
                if child.attribute("visibility").is_some_and(|value| value != "visible") {
                    sheet.hides = true;
                    continue;
                }
                let cells = cells(child, count)?;
                let times = if cells.is_empty() { 1 } else { repeats(child, "number-rows-repeated") };
                *count += cells.len() * times;
                if *count > MAX_CELLS {
                    return Err(DocumentError::TooManyElements);
                }
                sheet.rows.extend(std::iter::repeat_n(cells, times));
            }
            "table-rows" | "table-header-rows" | "table-row-group" => rows(child, sheet, count)?,
            _ => {}
        }
    }
    Ok(())
}

fn cells(row: Node<'_>, count: &mut usize) -> Result<Vec<String>, DocumentError> {
    let mut cells = vec![];
    let mut empty = 0;
    for cell in row.children().filter(|cell| matches!(cell.name(), "table-cell" | "covered-table-cell")) {
        let lines = cell.children().filter(|child| child.name() == "p").map(odf::text);
        let text = lines.collect::<Vec<_>>().join(" ");
        let times = repeats(cell, "number-columns-repeated");
        if text.trim().is_empty() {
            empty += times;
            continue;
        }
        *count += empty + times;
        if *count > MAX_CELLS {
            return Err(DocumentError::TooManyElements);
        }
        cells.extend(std::iter::repeat_n(String::new(), std::mem::take(&mut empty)));
        cells.extend(std::iter::repeat_n(text, times));
    }
    Ok(cells)
}

fn repeats(node: Node<'_>, name: &str) -> usize {
    node.attribute(name).and_then(|times| times.parse().ok()).unwrap_or(1).clamp(1, MAX_REPEAT)
}
