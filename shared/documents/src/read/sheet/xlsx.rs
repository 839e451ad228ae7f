//! XLSX workbooks.

use std::collections::HashMap;

use super::number::{built_in, general, show};
use super::{Sheet, workbook};
use crate::content::Content;
use crate::read::package::Package;
use crate::read::xml::{Node, Xml};
use crate::{DocumentError, Format};

/// Rows of a sheet.
const ROWS: usize = 1_048_576;
/// The last column of a sheet: XFD.
const COLUMNS: usize = 16_384;
/// Ranges of hidden columns that are read.
const MAX_RANGES: usize = 1_000;
/// Cells of one workbook, with the empty ones between others.
const MAX_CELLS: usize = 2_000_000;

/// Returns the content of a workbook.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    let mut package = Package::open(bytes, Format::Xlsx)?;
    let main = package.main("xl/workbook.xml")?;
    let relations = package.relations(&main)?;
    let mut part = |kind: &str| {
        let target =
            relations.values().find(|relation| relation.kind == kind).map(|relation| &relation.target);
        target.map_or(Ok(None), |target| package.source(target))
    };
    let strings = part("sharedStrings")?.map(|source| strings(&source)).transpose()?.unwrap_or_default();
    let formats = part("styles")?.map(|source| formats(&source)).transpose()?.unwrap_or_default();
    let source = package.source(&main)?.ok_or(DocumentError::NoMainPart(Format::Xlsx))?;
    let tree = Xml::parse(&source, Format::Xlsx)?;
    let on =
        |value: Option<std::borrow::Cow<'_, str>>| value.is_some_and(|value| value == "1" || value == "true");
    let since_1904 = tree.root().all("workbookPr").first().is_some_and(|node| on(node.attribute("date1904")));
    let mut cells = Cells { strings, formats, since_1904, count: 0 };
    let (mut sheets, mut hidden) = (vec![], 0);
    for node in tree.root().all("sheet") {
        if node.attribute("state").is_some_and(|state| state != "visible") {
            hidden += 1;
            continue;
        }
        let relation = node.attribute("id").and_then(|id| relations.get(&*id));
        let Some(relation) = relation.filter(|relation| relation.kind == "worksheet") else { continue };
        let Some(source) = package.source(&relation.target)? else { continue };
        let name = node.attribute("name").unwrap_or_default().into_owned();
        sheets.push(cells.sheet(name, &source)?);
    }
    let mut content = workbook(sheets, hidden)?;
    content.title = package.title()?;
    Ok(content)
}

/// Returns the strings that cells share.
fn strings(source: &str) -> Result<Vec<String>, DocumentError> {
    let tree = Xml::parse(source, Format::Xlsx)?;
    Ok(tree.root().all("si").into_iter().map(rich_text).collect())
}

/// Returns the text of a string, without its reading aid.
fn rich_text(node: Node<'_>) -> String {
    let mut text = String::new();
    for child in node.children() {
        match child.name() {
            "t" => text.push_str(&child.text()),
            "r" => text.extend(child.child("t").map(Node::text)),
            _ => {}
        }
    }
    text
}

/// Returns the number format of each cell style.
fn formats(source: &str) -> Result<Vec<String>, DocumentError> {
    let tree = Xml::parse(source, Format::Xlsx)?;
    let own: HashMap<usize, String> = tree
        .root()
        .all("numFmt")
        .into_iter()
        .filter_map(|node| {
            Some((node.attribute("numFmtId")?.parse().ok()?, node.attribute("formatCode")?.into_owned()))
        })
        .collect();
    let styles = tree.root().all("cellXfs").into_iter().flat_map(|node| node.all("xf"));
    let code = |node: Node<'_>| {
        let id = node.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or_default();
        own.get(&id).cloned().unwrap_or_else(|| built_in(id).to_owned())
    };
    Ok(styles.map(code).collect())
}

/// Reads cells.
struct Cells {
    strings: Vec<String>,
    formats: Vec<String>,
    since_1904: bool,
    count: usize,
}

impl Cells {
    fn sheet(&mut self, name: String, source: &str) -> Result<Sheet, DocumentError> {
        const ROWS_OF: (&str, &str) = ("sheetData", "row");
        // Columns may follow the rows, so the first pass leaves the rows out.
        let tree = Xml::parse_without(source, Format::Xlsx, ROWS_OF, |_| Ok(()))?;
        let hidden = hidden_columns(&tree);
        let mut sheet = Sheet { name, ..Sheet::default() };
        let mut last = 0;
        Xml::parse_without(source, Format::Xlsx, ROWS_OF, |row| {
            if is_on(row, "hidden") {
                sheet.hides = true;
                return Ok(());
            }
            let number: usize =
                row.attribute("r").and_then(|number| number.parse().ok()).unwrap_or(last + 1).min(ROWS);
            if number > last + 1 && !sheet.rows.is_empty() {
                sheet.rows.push(vec![]);
            }
            last = number;
            let mut cells: Vec<String> = vec![];
            for cell in row.children().filter(|cell| cell.name() == "c") {
                let column = cell.attribute("r").and_then(|place| column(&place)).unwrap_or(cells.len());
                let (is_hidden, before) = hidden.get(column).copied().unwrap_or_default();
                if is_hidden {
                    sheet.hides = true;
                    continue;
                }
                // Hidden columns take no place.
                let column = column - before.min(column);
                let text = self.cell(cell);
                if text.is_empty() || column < cells.len() {
                    continue;
                }
                self.count += column + 1 - cells.len();
                if self.count > MAX_CELLS {
                    return Err(DocumentError::TooManyElements);
                }
                cells.resize(column, String::new());
                cells.push(text);
            }
            sheet.rows.push(cells);
            Ok(())
        })?;
        Ok(sheet)
    }

    /// Returns what a cell shows.
    fn cell(&self, cell: Node<'_>) -> String {
        let value = cell.child("v").map(Node::text);
        match cell.attribute("t").as_deref() {
            Some("s") => {
                let index = value.and_then(|value| value.trim().parse::<usize>().ok());
                index.and_then(|index| self.strings.get(index)).cloned().unwrap_or_default()
            }
            Some("inlineStr") => cell.child("is").map(rich_text).unwrap_or_default(),
            Some("b") => if value.as_deref() == Some("1") { "TRUE" } else { "FALSE" }.to_owned(),
            Some("str" | "e" | "d") => value.unwrap_or_default(),
            _ => {
                let Some(value) = value else { return String::new() };
                let Ok(number) = value.trim().parse::<f64>() else { return value };
                let style =
                    cell.attribute("s").and_then(|style| style.parse::<usize>().ok()).unwrap_or_default();
                match self.formats.get(style) {
                    Some(code) => show(number, code, self.since_1904),
                    None => general(number),
                }
            }
        }
    }
}

fn is_on(node: Node<'_>, name: &str) -> bool {
    node.attribute(name).is_some_and(|value| value == "1" || value == "true")
}

/// Returns for each column whether it is hidden and how many before it are.
fn hidden_columns(tree: &Xml<'_>) -> Vec<(bool, usize)> {
    let mut hidden = vec![(false, 0); COLUMNS];
    for node in tree.root().all("col").into_iter().filter(|node| is_on(*node, "hidden")).take(MAX_RANGES) {
        let number = |name: &str| node.attribute(name).and_then(|number| number.parse::<usize>().ok());
        let (Some(first), Some(last)) = (number("min"), number("max")) else { continue };
        let range = hidden.iter_mut().take(last).skip(first.saturating_sub(1));
        range.for_each(|column| column.0 = true);
    }
    let mut before = 0;
    for column in &mut hidden {
        column.1 = before;
        before += usize::from(column.0);
    }
    hidden
}

/// Returns the column of a place such as `AB12`, from 0.
fn column(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let number = letters
        .take(4)
        .fold(0, |number, letter| number * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1);
    number.checked_sub(1).filter(|column| *column < COLUMNS)
}
