//! Reads a declaration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::kind_of;
use super::{Kind, Path, Room, Schema, SchemaError, VariablesSchema, listed};

const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];
/// The keywords of every type.
const COMMON: [&str; 5] = ["type", "title", "description", "enum", "default"];
/// A keyword of a variable: its value may stand in an instruction. Names of other keywords than those of JSON Schema
/// begin with `x-`: <https://json-schema.org/blog/posts/custom-annotations-will-continue>.
const INSTRUCTION: &str = "x-instruction";

impl Schema {
    /// Reads the schema at `at`.
    pub(super) fn read(declaration: &Value, at: &Path<'_>, level: usize) -> Result<Self, SchemaError> {
        let Value::Object(keywords) = declaration else {
            return Err(at.error(format!("found {}, expected a schema: an object", kind_of(declaration))));
        };
        let name = match keywords.get("type") {
            Some(Value::String(name)) if TYPES.contains(&name.as_str()) => name.as_str(),
            Some(_) => {
                return Err(at.member("type").error(format!("must be one of {}", listed(TYPES.into_iter()))));
            }
            None => {
                return Err(at.error(format!("`type` is missing: use one of {}", listed(TYPES.into_iter()))));
            }
        };
        only_known(name, keywords, at, level)?;
        for text in ["title", "description"] {
            if let Some(other) = keywords.get(text).filter(|value| !value.is_string()) {
                return Err(at.member(text).error(format!("found {}, expected a string", kind_of(other))));
            }
        }
        let instruction = match keywords.get(INSTRUCTION) {
            None => false,
            Some(Value::Bool(allowed)) => *allowed,
            Some(other) => {
                let problem = format!("found {}, expected true or false", kind_of(other));
                return Err(at.member(INSTRUCTION).error(problem));
            }
        };
        let kind = kind(name, keywords, at, level)?;
        let mut schema = Self { kind, allowed: None, default: None, instruction };
        schema.allowed = allowed(&schema, keywords, at)?;
        if let Some(default) = keywords.get("default") {
            schema.apply(default.clone(), &at.member("default"), &mut Room::new())?;
            schema.default = Some(default.clone());
        }
        Ok(schema)
    }
}

/// Refuses keywords that the type does not have.
fn only_known(
    name: &str,
    keywords: &Map<String, Value>,
    at: &Path<'_>,
    level: usize,
) -> Result<(), SchemaError> {
    let own: &[&str] = match name {
        "string" => &["maxLength"],
        "array" => &["items", "maxItems"],
        "object" => &["properties", "required", "additionalProperties"],
        _ => &[],
    };
    let of_variables: &[&str] = if level == 2 && at.is_variable() { &[INSTRUCTION] } else { &[] };
    let known = || COMMON.iter().chain(own).chain(of_variables).copied();
    match keywords.keys().find(|keyword| !known().any(|known| known == keyword.as_str())) {
        Some(unknown) => {
            let problem = format!("no keyword of the type `{name}`: use {}", listed(known()));
            Err(at.member(unknown).error(problem))
        }
        None => Ok(()),
    }
}

fn kind(name: &str, keywords: &Map<String, Value>, at: &Path<'_>, level: usize) -> Result<Kind, SchemaError> {
    Ok(match name {
        "string" => Kind::String { max_length: limit("maxLength", keywords, at)? },
        "number" => Kind::Number,
        "integer" => Kind::Integer,
        "boolean" => Kind::Boolean,
        "array" => {
            let items = match keywords.get("items") {
                Some(items) => Some(Box::new(inner(items, &at.member("items"), level)?)),
                None => None,
            };
            Kind::Array { items, max_items: limit("maxItems", keywords, at)? }
        }
        _ => {
            let properties = properties(keywords, at, level)?;
            // Always so for an object with `properties`. Tools that generate schemas write it.
            if keywords.get("additionalProperties").is_some_and(|value| *value != Value::Bool(false)) {
                return Err(at.member("additionalProperties").error("must be false, or leave it out"));
            }
            let required = required(keywords, properties.as_ref(), at)?;
            Kind::Object { properties, required }
        }
    })
}

/// Reads a schema within one of `level`.
fn inner(declaration: &Value, at: &Path<'_>, level: usize) -> Result<Schema, SchemaError> {
    if level >= VariablesSchema::MAX_DEPTH {
        return Err(at.error(format!("nests deeper than {} levels; flatten it", VariablesSchema::MAX_DEPTH)));
    }
    Schema::read(declaration, at, level + 1)
}

fn properties(
    keywords: &Map<String, Value>,
    at: &Path<'_>,
    level: usize,
) -> Result<Option<BTreeMap<String, Schema>>, SchemaError> {
    let at = at.member("properties");
    match keywords.get("properties") {
        None => Ok(None),
        Some(Value::Object(members)) => {
            let read = |(name, declaration): (&String, &Value)| {
                Ok((name.clone(), inner(declaration, &at.member(name), level)?))
            };
            members.iter().map(read).collect::<Result<_, _>>().map(Some)
        }
        Some(other) => Err(at.error(format!("found {}, expected an object", kind_of(other)))),
    }
}

fn required(
    keywords: &Map<String, Value>,
    properties: Option<&BTreeMap<String, Schema>>,
    at: &Path<'_>,
) -> Result<Vec<String>, SchemaError> {
    let at = at.member("required");
    let names = match keywords.get("required") {
        None => return Ok(vec![]),
        Some(Value::Array(names)) => names,
        Some(other) => {
            return Err(at.error(format!("found {}, expected an array of names", kind_of(other))));
        }
    };
    let mut required: Vec<String> = vec![];
    for (index, name) in names.iter().enumerate() {
        let at = at.index(index);
        match name {
            Value::String(name) if !properties.is_some_and(|known| known.contains_key(name)) => {
                return Err(at.error(format!("`{name}` is not in `properties`: declare it")));
            }
            Value::String(name) if required.contains(name) => {
                return Err(at.error(format!("`{name}` is repeated: name it once")));
            }
            Value::String(name) => required.push(name.clone()),
            other => return Err(at.error(format!("found {}, expected a name", kind_of(other)))),
        }
    }
    Ok(required)
}

fn allowed(
    schema: &Schema,
    keywords: &Map<String, Value>,
    at: &Path<'_>,
) -> Result<Option<Vec<Value>>, SchemaError> {
    let at = at.member("enum");
    match keywords.get("enum") {
        None => Ok(None),
        Some(Value::Array(values)) if (1..=VariablesSchema::MAX_VALUES).contains(&values.len()) => {
            for (index, value) in values.iter().enumerate() {
                schema.apply(value.clone(), &at.index(index), &mut Room::new())?;
            }
            Ok(Some(values.clone()))
        }
        Some(_) => Err(at.error(format!("must be an array of 1 to {} values", VariablesSchema::MAX_VALUES))),
    }
}

fn limit(
    keyword: &'static str,
    keywords: &Map<String, Value>,
    at: &Path<'_>,
) -> Result<Option<u64>, SchemaError> {
    match keywords.get(keyword) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(limit) => Ok(Some(limit)),
            None => Err(at.member(keyword).error("must be a whole number from 0")),
        },
    }
}
