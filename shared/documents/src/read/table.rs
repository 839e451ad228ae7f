//! The one form of tables: rows whose cells are separated by bars, and a header that every
//! passage repeats.

use std::rc::Rc;

use crate::content::{Block, Content, Kind};

/// A table while it is read.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// A line above the header, such as a caption.
    pub caption: String,
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub cells: Vec<String>,
    /// The document marks the row as a header.
    pub is_header: bool,
}

impl Table {
    /// Appends the rows to `content`.
    ///
    /// Marked header rows at the beginning are the header. Without a mark, the first row is
    /// the header if every cell is a short text without a number.
    pub(crate) fn write(self, content: &mut Content) {
        let mut rows = Rows { caption: self.caption, ..Rows::default() };
        for row in self.rows {
            rows.push(row, content);
        }
        rows.finish(content);
    }
}

/// A table whose rows are written one by one, because a table may be most of the memory.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    caption: String,
    /// The first rows, until it is known which of them are the header.
    first: Vec<Row>,
    /// The header, once it is known; inside, `None` if the table has none.
    header: Option<Option<Rc<str>>>,
}

impl Rows {
    /// Appends a row, as [`Table::write`] does.
    pub(crate) fn push(&mut self, row: Row, content: &mut Content) {
        if row.is_blank() {
            return;
        }
        if self.header.is_none() {
            let marked = self.first.iter().take_while(|row| row.is_header).count();
            // A header has a row below it, so the first row waits for the second one.
            if self.first.is_empty() || row.is_header && marked == self.first.len() {
                return self.first.push(row);
            }
            let names_columns = self.first.first().is_some_and(Row::names_columns);
            self.begin(if marked > 0 { marked } else { usize::from(names_columns) }, content);
        }
        content.push(Kind::Row(self.header.clone().flatten()), row.line());
    }

    /// Ends the table.
    pub(crate) fn finish(mut self, content: &mut Content) {
        if self.header.is_none() {
            self.begin(0, content);
        }
    }

    /// Makes the header of the caption and the first `names` rows, and writes the other rows.
    fn begin(&mut self, names: usize, content: &mut Content) {
        let first = std::mem::take(&mut self.first);
        let caption = Some(std::mem::take(&mut self.caption)).filter(|caption| !caption.is_empty());
        let lines: Vec<_> = caption.into_iter().chain(first.iter().take(names).map(Row::line)).collect();
        let header: Option<Rc<str>> = (!lines.is_empty()).then(|| lines.join("\n").into());
        for row in first.iter().skip(names) {
            content.push(Kind::Row(header.clone()), row.line());
        }
        self.header = Some(header);
    }
}

/// Returns the lines of blocks that become one cell or one note. The header of a table comes once, before its rows.
pub(crate) fn lines(blocks: Vec<Block>) -> Vec<String> {
    let mut last: Option<Rc<str>> = None;
    let mut lines = vec![];
    for block in blocks {
        if let Kind::Row(Some(header)) = block.kind
            && !last.as_ref().is_some_and(|last| Rc::ptr_eq(last, &header))
        {
            lines.push(header.to_string());
            last = Some(header);
        }
        lines.push(block.text);
    }
    lines
}

impl Row {
    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    fn names_columns(&self) -> bool {
        self.cells.len() > 1
            && self.cells.iter().enumerate().all(|(column, cell)| {
                let cell = cell.trim();
                // The corner of a table may be empty, and years may name columns.
                let is_corner = column == 0 && cell.is_empty();
                let is_year = column > 0 && cell.parse().is_ok_and(|year: u16| (1900..2100).contains(&year));
                let is_number =
                    cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '€' | '$'));
                is_corner || is_year || !cell.is_empty() && cell.len() <= 60 && !is_number
            })
    }

    /// Returns whether the row can be the header of a sheet: texts, none of them a number.
    pub(crate) fn may_name_columns(&self) -> bool {
        let texts = self.cells.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        let is_name = |cell: &str| {
            let is_year = cell.parse().is_ok_and(|year: u16| (1900..2100).contains(&year));
            is_year
                || cell.len() <= 120
                    && cell.contains(char::is_alphabetic)
                    && !cell.starts_with(|c: char| c.is_ascii_digit())
        };
        let (count, is_header) =
            texts.fold((0, true), |(count, all), cell| (count + 1, all && is_name(cell)));
        count > 1 && is_header
    }

    /// Returns the row as one line. Leaves out empty cells at the end.
    pub(crate) fn line(&self) -> String {
        let cells = self.cells.iter().map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" "));
        let line = cells.collect::<Vec<_>>().join(" | ");
        line.trim_end_matches([' ', '|']).to_owned()
    }
}
