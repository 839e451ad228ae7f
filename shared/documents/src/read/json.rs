//! JSON: records of an array become rows or blocks of `name: value` lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::table::{Row, Rows};
use crate::content::{Content, Kind, Warning};
use crate::{DocumentError, Format, MAX_TEXT};

/// Columns of a table at most. Records with more names become blocks.
const MAX_COLUMNS: usize = 30;

/// A value. Members keep their order.
enum Value {
    Scalar(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Returns the content of one JSON value.
pub(crate) fn content(text: &str) -> Result<Content, DocumentError> {
    let value = serde_json::from_str(text).map_err(|_| DocumentError::Broken(Format::Json))?;
    let mut writer = Writer::default();
    writer.value("", value)?;
    Ok(writer.content)
}

/// Returns the content of a file with one JSON value per line. Skips lines that are none.
pub(crate) fn lines(text: &str) -> Result<Content, DocumentError> {
    let (mut values, mut broken) = (vec![], 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => values.push(value),
            Err(_) => broken += 1,
        }
    }
    if values.is_empty() && broken > 0 {
        return Err(DocumentError::Broken(Format::JsonLines));
    }
    let mut writer = Writer::default();
    if broken > 0 {
        writer.content.warnings.push(Warning::LeftOut(format!("lines that are not JSON: {broken}")));
    }
    writer.value("", Value::List(values))?;
    Ok(writer.content)
}

/// Writes values as blocks. Takes them, because both forms of a large file would not fit into memory.
#[derive(Default)]
struct Writer {
    content: Content,
    size: usize,
}

impl Writer {
    fn value(&mut self, path: &str, value: Value) -> Result<(), DocumentError> {
        match value {
            Value::List(items) if items.iter().any(|item| matches!(item, Value::Object(_))) => {
                self.records(path, items)
            }
            Value::Object(members) => self.object(path, members),
            value => {
                let mut text = String::new();
                compact(&value, &mut text);
                self.push(Kind::Paragraph, text)
            }
        }
    }

    /// Writes the members of an object: simple values as lines, lists of records below them.
    fn object(&mut self, path: &str, members: Vec<(String, Value)>) -> Result<(), DocumentError> {
        let (mut lines, mut lists) = (String::new(), vec![]);
        collect(path, members, &mut lines, &mut lists);
        self.push(Kind::Paragraph, lines)?;
        for (path, items) in lists {
            self.push(Kind::Heading(level(&path)), path.clone())?;
            self.records(&path, items)?;
        }
        Ok(())
    }

    fn records(&mut self, path: &str, items: Vec<Value>) -> Result<(), DocumentError> {
        if let Some(columns) = columns(&items) {
            let mut table = Rows::default();
            table.push(Row { cells: columns.clone(), is_header: true }, &mut self.content);
            for item in items {
                let Value::Object(members) = item else { continue };
                let mut cells = vec![String::new(); columns.len()];
                for (name, value) in members {
                    let at = columns.iter().position(|column| *column == name);
                    if let Some(cell) = at.and_then(|at| cells.get_mut(at)) {
                        compact(&value, cell);
                        self.size += cell.len();
                    }
                }
                table.push(Row { cells, is_header: false }, &mut self.content);
            }
            table.finish(&mut self.content);
            return self.check();
        }
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Value::Object(members) => {
                    let (mut lines, mut lists) = (String::new(), vec![]);
                    collect("", members, &mut lines, &mut lists);
                    self.push(Kind::Paragraph, lines)?;
                    for (name, items) in lists {
                        let path = format!("{path}[{index}].{name}");
                        self.push(Kind::Heading(level(&path)), path.clone())?;
                        self.records(&path, items)?;
                    }
                }
                value => self.value(path, value)?,
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, text: String) -> Result<(), DocumentError> {
        self.size += text.len();
        self.content.push(kind, text);
        self.check()
    }

    fn check(&self) -> Result<(), DocumentError> {
        if self.size > MAX_TEXT { Err(DocumentError::TooMuchText) } else { Ok(()) }
    }
}

/// Returns the level of a path's heading: one more for each record around it.
fn level(path: &str) -> u8 {
    u8::try_from(path.matches('[').count().min(5) + 1).unwrap_or(6)
}

/// Collects the simple values of an object as lines, and its lists of records.
fn collect(
    path: &str,
    members: Vec<(String, Value)>,
    lines: &mut String,
    lists: &mut Vec<(String, Vec<Value>)>,
) {
    for (name, value) in members {
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        match value {
            Value::Object(members) => collect(&path, members, lines, lists),
            Value::List(items) if items.iter().any(|item| matches!(item, Value::Object(_))) => {
                lists.push((path, items));
            }
            value => {
                lines.push_str(&path);
                lines.push_str(": ");
                compact(&value, lines);
                lines.push('\n');
            }
        }
    }
}

/// Returns the names of records that fit into one table: few names, and simple values.
fn columns(items: &[Value]) -> Option<Vec<String>> {
    let mut columns: Vec<String> = vec![];
    for item in items {
        let Value::Object(members) = item else { return None };
        for (name, value) in members {
            if !is_simple(value) {
                return None;
            }
            if !columns.contains(name) {
                columns.push(name.clone());
            }
            if columns.len() > MAX_COLUMNS {
                return None;
            }
        }
    }
    (items.len() > 1 && columns.len() > 1).then_some(columns)
}

fn is_simple(value: &Value) -> bool {
    match value {
        Value::Scalar(text) => text.len() <= 200 && !text.contains('\n'),
        Value::List(items) => items.len() <= 10 && items.iter().all(|item| matches!(item, Value::Scalar(_))),
        Value::Object(_) => false,
    }
}

/// Writes a value in one line.
fn compact(value: &Value, text: &mut String) {
    match value {
        Value::Scalar(scalar) => text.push_str(scalar),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                let nested = !matches!(item, Value::Scalar(_));
                text.push_str(if nested { "[" } else { "" });
                compact(item, text);
                text.push_str(if nested { "]" } else { "" });
            }
        }
        Value::Object(members) => {
            for (index, (name, value)) in members.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                text.push_str(name);
                text.push_str(": ");
                compact(value, text);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads a value.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Scalar(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Scalar("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = vec![];
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = vec![];
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Value::Object(members))
    }
}
