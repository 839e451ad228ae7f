//! Checks a value against its schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Kind, Path, Room, Schema, SchemaError, listed};

/// Maximum values or names that a message lists.
const LISTED: usize = 10;

impl Schema {
    /// Checks `value` and returns it with the defaults of missing members.
    pub(super) fn apply(&self, value: Value, at: &Path<'_>, room: &mut Room) -> Result<Value, SchemaError> {
        let value = match (&self.kind, value) {
            (Kind::String { max_length }, Value::String(text)) => {
                let length = text.chars().count() as u64;
                if let Some(most) = max_length.filter(|most| length > *most) {
                    return Err(
                        at.error(format!("found a string of {length} characters, expected at most {most}"))
                    );
                }
                Value::String(text)
            }
            (Kind::Number, Value::Number(number)) => Value::Number(number),
            (Kind::Integer, Value::Number(number)) if is_whole(&number) => Value::Number(number),
            (Kind::Integer, Value::Number(_)) => {
                return Err(at.error("found a number with a fraction, expected an integer"));
            }
            (Kind::Boolean, Value::Bool(value)) => Value::Bool(value),
            (Kind::Array { items, max_items }, Value::Array(values)) => {
                let length = values.len() as u64;
                if let Some(most) = max_items.filter(|most| length > *most) {
                    return Err(
                        at.error(format!("found an array of {length} items, expected at most {most}"))
                    );
                }
                Value::Array(applied_to_items(items.as_deref(), values, at, room)?)
            }
            (Kind::Object { properties: None, .. }, Value::Object(members)) => Value::Object(members),
            (Kind::Object { properties: Some(properties), required }, Value::Object(members)) => {
                Value::Object(applied_to_members(properties, required, members, at, room)?)
            }
            (kind, value) => {
                return Err(at.error(format!("found {}, expected {}", kind_of(&value), kind.name())));
            }
        };
        match &self.allowed {
            Some(allowed) if !allowed.iter().any(|each| same(each, &value)) => {
                let shown = allowed.iter().take(LISTED).map(Value::to_string).collect::<Vec<_>>().join(", ");
                let more = if allowed.len() > LISTED { ", …" } else { "" };
                Err(at.error(format!("found another {}, expected one of {shown}{more}", self.kind.noun())))
            }
            _ => Ok(value),
        }
    }
}

fn applied_to_items(
    items: Option<&Schema>,
    values: Vec<Value>,
    at: &Path<'_>,
    room: &mut Room,
) -> Result<Vec<Value>, SchemaError> {
    let Some(items) = items else { return Ok(values) };
    let apply = |(index, value)| items.apply(value, &at.index(index), room);
    values.into_iter().enumerate().map(apply).collect()
}

fn applied_to_members(
    properties: &BTreeMap<String, Schema>,
    required: &[String],
    mut members: Map<String, Value>,
    at: &Path<'_>,
    room: &mut Room,
) -> Result<Map<String, Value>, SchemaError> {
    if let Some(unknown) = members.keys().find(|name| !properties.contains_key(*name)) {
        let more = if properties.len() > LISTED { ", …" } else { "" };
        let declared = listed(properties.keys().take(LISTED).map(String::as_str));
        let problem = match properties.is_empty() {
            true => "not declared; no member is declared".to_owned(),
            false => format!("not declared; declared are {declared}{more}"),
        };
        return Err(at.member(unknown).error(problem));
    }
    let mut applied = Map::new();
    for (name, schema) in properties {
        let at = at.member(name);
        let sent = members.remove(name);
        let filled = || schema.default.as_ref().map(|default| room.fill(name, default, &at)).transpose();
        match sent.map_or_else(filled, |sent| Ok(Some(sent)))? {
            Some(value) => drop(applied.insert(name.clone(), schema.apply(value, &at, room)?)),
            None if required.contains(name) => {
                return Err(at.error(format!("missing, expected {}", schema.kind.name())));
            }
            None => {}
        }
    }
    Ok(applied)
}

impl Kind {
    /// Returns the kind with its article.
    fn name(&self) -> &'static str {
        match self {
            Self::String { .. } => "a string",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Boolean => "true or false",
            Self::Array { .. } => "an array",
            Self::Object { .. } => "an object",
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "truth value",
            Self::Array { .. } => "array",
            Self::Object { .. } => "object",
        }
    }
}

/// Returns the kind of `value` with its article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns whether `number` is whole: `1.0` is, because JSON has one type of numbers.
fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Returns whether two values are equal. `1` and `1.0` are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}
