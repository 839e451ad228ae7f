//! Spreadsheets and other files of rows.

mod csv;
mod date;
mod number;
mod ods;
mod xlsx;

pub(crate) use self::csv::content as csv;
pub(crate) use self::ods::content as ods;
pub(crate) use self::xlsx::content as xlsx;

use super::table::{Row, Rows};
use crate::content::{Content, Kind, Warning};
use crate::{DocumentError, MAX_TEXT};

/// The rows of one sheet as people see them.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub name: String,
    pub rows: Vec<Vec<String>>,
    /// Rows or columns that the sheet hides.
    pub hides: bool,
}

/// Writes the sheets of a workbook, each under its name.
fn workbook(sheets: Vec<Sheet>, hidden: usize) -> Result<Content, DocumentError> {
    let mut content = Content::default();
    let total = sheets.len();
    let mut empty = 0;
    for sheet in sheets {
        if sheet.hides {
            content
                .warnings
                .push(Warning::LeftOut(format!("hidden rows or columns of the sheet `{}`", sheet.name)));
        }
        if sheet.rows.iter().flatten().all(|cell| cell.trim().is_empty()) {
            empty += 1;
            continue;
        }
        content.push(Kind::Heading(1), sheet.name);
        let mut shape = Shape::default();
        for row in &sheet.rows {
            shape.see(row.iter().map(String::as_str));
        }
        rows(sheet.rows, &shape, &mut content)?;
    }
    if hidden > 0 {
        let noun = if hidden == 1 { "hidden sheet" } else { "hidden sheets" };
        content.warnings.push(Warning::LeftOut(format!("{hidden} {noun}")));
    }
    content.warn_empty("sheets", empty, total);
    Ok(content)
}

/// The place and the width of a sheet's rows.
#[derive(Debug, Default)]
struct Shape {
    /// Columns that are blank in every row.
    left: Option<usize>,
    /// The most cells of a row that are not blank.
    widest: usize,
}

impl Shape {
    fn see<'c>(&mut self, row: impl Iterator<Item = &'c str>) {
        let mut used = row.enumerate().filter(|(_, cell)| !cell.trim().is_empty()).map(|(column, _)| column);
        if let Some(first) = used.next() {
            self.left = Some(self.left.map_or(first, |left| left.min(first)));
            self.widest = self.widest.max(1 + used.count());
        }
    }
}

/// Writes rows. A blank row ends a table; a row with one text above a table is its caption.
fn rows(
    rows: impl IntoIterator<Item = Vec<String>>,
    shape: &Shape,
    content: &mut Content,
) -> Result<(), DocumentError> {
    let used = |row: &Vec<String>| row.iter().filter(|cell| !cell.trim().is_empty()).count();
    let (left, widest) = (shape.left.unwrap_or_default(), shape.widest);
    let mut size = 0;
    let mut table = Rows::default();
    let mut is_new = true;
    let mut header: Option<Vec<String>> = None;
    let mut begins = true;
    for mut row in rows {
        row.drain(..left.min(row.len()));
        size += row.iter().map(String::len).sum::<usize>();
        if size > MAX_TEXT {
            return Err(DocumentError::TooMuchText);
        }
        let cells = used(&row);
        if cells == 0 {
            begins = true;
            continue;
        }
        if begins && cells == 1 && widest > 2 {
            std::mem::take(&mut table).finish(content);
            is_new = true;
            content.push(Kind::Paragraph, row.concat());
            continue;
        }
        let row = Row { cells: row, is_header: false };
        if begins && row.may_name_columns() {
            std::mem::take(&mut table).finish(content);
            header = Some(row.cells.clone());
            table.push(Row { is_header: true, ..row }, content);
        } else {
            if let Some(header) = header.as_ref().filter(|_| is_new) {
                table.push(Row { cells: header.clone(), is_header: true }, content);
            }
            table.push(row, content);
        }
        is_new = false;
        begins = false;
    }
    table.finish(content);
    Ok(())
}
