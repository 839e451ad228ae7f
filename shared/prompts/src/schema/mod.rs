//! Declared variables and declared answers: a subset of JSON Schema.

mod check;
mod read;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::Variables;

/// The variables that a prompt template declares.
///
/// A subset of [JSON Schema](https://json-schema.org/draft/2020-12/json-schema-validation): an object with
/// `properties`. Unlike in JSON Schema, an object with `properties` takes no other members, and a `default` is filled
/// in.
#[derive(Debug, Clone, PartialEq)]
pub struct VariablesSchema(Schema);

/// The form of an answer that a request declares. The same subset as [`VariablesSchema`].
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSchema(Schema);

/// A defect of a declaration or of a value, and its path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub struct SchemaError {
    path: String,
    problem: String,
}

/// The schema of one value.
#[derive(Debug, Clone, PartialEq)]
struct Schema {
    kind: Kind,
    allowed: Option<Vec<Value>>,
    default: Option<Value>,
    /// Whether the value may stand in an instruction.
    instruction: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    String { max_length: Option<u64> },
    Number,
    Integer,
    Boolean,
    Array { items: Option<Box<Schema>>, max_items: Option<u64> },
    Object { properties: Option<BTreeMap<String, Schema>>, required: Vec<String> },
}

impl VariablesSchema {
    /// Maximum length of a declaration as JSON, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// Maximum levels of a declaration, with the outermost object.
    pub const MAX_DEPTH: usize = 8;
    /// Maximum values of an `enum`.
    pub const MAX_VALUES: usize = 100;
    /// Maximum size of all defaults that are filled in together, as JSON with their names, in bytes. Without it, a
    /// short declaration and short values grow without a limit: defaults may hold objects that take defaults.
    pub const MAX_FILLED: usize = 256 * 1024;

    /// Reads a declaration.
    ///
    /// # Errors
    /// If it is too large, has an unknown keyword, or contradicts itself. The error names the place.
    pub fn read(declaration: &Value) -> Result<Self, SchemaError> {
        Schema::read_object(declaration, &VARIABLES).map(Self)
    }

    /// Returns the names of the variables, sorted.
    pub fn names(&self) -> Vec<String> {
        match &self.0.kind {
            Kind::Object { properties: Some(properties), .. } => properties.keys().cloned().collect(),
            _ => vec![],
        }
    }

    /// Returns the names of the variables that may stand in an instruction, sorted: those with `x-instruction`.
    pub fn instruction_names(&self) -> Vec<String> {
        let Kind::Object { properties: Some(properties), .. } = &self.0.kind else { return vec![] };
        properties.iter().filter(|(_, schema)| schema.instruction).map(|(name, _)| name.clone()).collect()
    }

    /// Checks `variables` and returns them with the defaults of missing ones.
    ///
    /// # Errors
    /// If a value is missing, not declared, or of another kind. The error names the first place.
    pub fn apply(&self, variables: Variables) -> Result<Variables, SchemaError> {
        self.0.apply_object(variables, &VARIABLES)
    }
}

impl OutputSchema {
    /// Reads a declaration. The limits are those of [`VariablesSchema`].
    ///
    /// # Errors
    /// If it is too large, has an unknown keyword, or contradicts itself. The error names the place.
    pub fn read(declaration: &Value) -> Result<Self, SchemaError> {
        Schema::read_object(declaration, &SCHEMA).map(Self)
    }

    /// Checks an answer and returns it with the defaults of missing members.
    ///
    /// # Errors
    /// If a member is missing, not declared, or of another kind. The error names the first place.
    pub fn apply(&self, answer: Map<String, Value>) -> Result<Map<String, Value>, SchemaError> {
        self.0.apply_object(answer, &OUTPUT)
    }
}

/// Where the paths of variables begin.
const VARIABLES: Path<'_> = Path::root("variables");
/// Where the paths of an answer's declaration begin.
const SCHEMA: Path<'_> = Path::root("output.schema");
/// Where the paths of an answer begin.
const OUTPUT: Path<'_> = Path::root("output");

impl Schema {
    /// Reads the declaration of an object with named members.
    fn read_object(declaration: &Value, at: &Path<'_>) -> Result<Self, SchemaError> {
        if declaration.to_string().len() > VariablesSchema::MAX_BYTES {
            let problem = format!("longer than {} bytes; declare fewer members", VariablesSchema::MAX_BYTES);
            return Err(at.error(problem));
        }
        let schema = Self::read(declaration, at, 1)?;
        match schema.kind {
            Kind::Object { properties: Some(_), .. } => Ok(schema),
            _ => Err(at.error(r#"must have `"type": "object"` and `properties`"#)),
        }
    }

    fn apply_object(
        &self,
        members: Map<String, Value>,
        at: &Path<'_>,
    ) -> Result<Map<String, Value>, SchemaError> {
        match self.apply(Value::Object(members), at, &mut Room::new())? {
            Value::Object(members) => Ok(members),
            _ => Ok(Map::new()),
        }
    }
}

/// The bytes that defaults may still fill in.
struct Room(usize);

impl Room {
    fn new() -> Self {
        Self(VariablesSchema::MAX_FILLED)
    }

    /// Returns the default of the member `name`, and takes its size.
    fn fill(&mut self, name: &str, default: &Value, at: &Path<'_>) -> Result<Value, SchemaError> {
        let size = name.len() + default.to_string().len();
        self.0 = self.0.checked_sub(size).ok_or_else(|| {
            let maximum = VariablesSchema::MAX_FILLED;
            at.error(format!("the defaults fill in more than {maximum} bytes; send fewer items"))
        })?;
        Ok(default.clone())
    }
}

/// The place of a value: `variables.items[2].price`.
#[derive(Clone, Copy)]
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root(&'static str),
    Member(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    const fn root(name: &'static str) -> Self {
        Self { parent: None, step: Step::Root(name) }
    }

    fn member(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// Returns whether the path leads to a variable.
    fn is_variable(&self) -> bool {
        match (self.parent, self.step) {
            (None, Step::Root(name)) => name == "variables",
            (parent, _) => parent.is_some_and(Path::is_variable),
        }
    }

    fn error(&self, problem: impl Into<String>) -> SchemaError {
        SchemaError { path: self.to_string(), problem: problem.into() }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Member(name) if is_plain(name) => write!(f, ".{name}"),
            Step::Member(name) => write!(f, "[{}]", Value::from(name)),
        }
    }
}

/// Returns whether a path names this member without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|char| char.is_alphanumeric() || char == '_')
        && !name.starts_with(|char: char| char.is_ascii_digit())
}

/// Returns `names` in a sentence.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
