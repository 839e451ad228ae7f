//! A filter of a search: which documents' metadata a passage must have.
//!
//! The language is a part of S3 Vectors' filters:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html>. Each key becomes a key of
//! the tenant's metadata, so a filter names no key of ours.

use std::cmp::Ordering;
use std::collections::HashMap;

use aws_smithy_types::Document as Json;
use serde_json::{Map, Value};

use super::documents::{InvalidMetadata, Metadata, MetadataValue, parse_key, vector_metadata_key};

/// Maximum nesting of `$and` and `$or`.
const MAX_DEPTH: usize = 4;
/// Maximum values that a filter compares. S3 Vectors allows 100 constraints, and `$ne` and `$nin` need two.
const MAX_VALUES: usize = 50;

/// A filter breaks a rule. The message names the place and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFilter(String);

impl From<InvalidMetadata> for InvalidFilter {
    fn from(error: InvalidMetadata) -> Self {
        Self(error.to_string())
    }
}

/// A checked filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Json);

impl Filter {
    /// Checks the filter in the field `at`.
    ///
    /// # Errors
    /// [`InvalidFilter`] that names the place.
    pub fn parse(at: &str, filter: Map<String, Value>) -> Result<Self, InvalidFilter> {
        let mut values = 0;
        let parsed = conditions(at, filter, 0, &mut values)?;
        if values > MAX_VALUES {
            return Err(InvalidFilter(format!("`{at}` must compare at most {MAX_VALUES} values")));
        }
        Ok(Self(parsed))
    }

    /// Returns whether S3 Vectors would find a vector with this metadata.
    pub(crate) fn accepts(&self, metadata: &Metadata) -> bool {
        all_hold(&self.0, &metadata.for_vector().collect())
    }

    /// Returns the filter for S3 Vectors.
    pub(crate) fn to_json(&self) -> Json {
        self.0.clone()
    }
}

/// Returns whether all conditions hold for `metadata`. What cannot be read does not hold.
fn all_hold(conditions: &Json, metadata: &HashMap<String, Json>) -> bool {
    let Json::Object(conditions) = conditions else { return false };
    conditions.iter().all(|(name, wanted)| match (name.as_str(), wanted) {
        ("$and", Json::Array(parts)) => parts.iter().all(|part| all_hold(part, metadata)),
        ("$or", Json::Array(parts)) => parts.iter().any(|part| all_hold(part, metadata)),
        (_, Json::Object(comparisons)) => {
            let found = metadata.get(name);
            comparisons.iter().all(|(operator, wanted)| holds(operator, found, wanted))
        }
        (_, wanted) => metadata.get(name).is_some_and(|found| equal(found, wanted)),
    })
}

/// Returns whether one comparison holds for the value of a key; `None` if the key is missing.
fn holds(operator: &str, found: Option<&Json>, wanted: &Json) -> bool {
    let contains = |wanted: &Json| match wanted {
        Json::Array(values) => found.map(|found| values.iter().any(|value| equal(found, value))),
        _ => None,
    };
    let ordered = || Some(number(found?)?.total_cmp(&number(wanted)?));
    match operator {
        "$exists" => *wanted == Json::Bool(found.is_some()),
        "$eq" => found.is_some_and(|found| equal(found, wanted)),
        "$ne" => found.is_some_and(|found| !equal(found, wanted)),
        "$in" => contains(wanted) == Some(true),
        "$nin" => contains(wanted) == Some(false),
        "$gt" => ordered().is_some_and(Ordering::is_gt),
        "$gte" => ordered().is_some_and(Ordering::is_ge),
        "$lt" => ordered().is_some_and(Ordering::is_lt),
        "$lte" => ordered().is_some_and(Ordering::is_le),
        _ => false,
    }
}

/// Compares values of the same type. Numbers are equal as numbers: `2.0` is `2`.
fn equal(one: &Json, other: &Json) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one == other,
        _ => false,
    }
}

fn number(value: &Json) -> Option<f64> {
    match value {
        // `-0` is `0`.
        Json::Number(number) => Some(number.to_f64_lossy() + 0.0),
        _ => None,
    }
}

/// Checks an object whose members must all hold.
fn conditions(
    at: &str,
    filter: Map<String, Value>,
    depth: usize,
    values: &mut usize,
) -> Result<Json, InvalidFilter> {
    if depth > MAX_DEPTH {
        return Err(InvalidFilter(format!("`{at}`: `$and` and `$or` must nest at most {MAX_DEPTH} levels")));
    }
    if filter.is_empty() {
        return Err(InvalidFilter(format!("`{at}` must have a condition")));
    }
    let mut all = vec![];
    for (key, value) in filter {
        let inner = format!("{at}.{key}");
        match key.as_str() {
            "$and" | "$or" => all.push(object([(key, any_or_all(&inner, value, depth, values)?)])),
            _ if key.starts_with('$') => {
                return Err(InvalidFilter(format!(
                    "`{inner}`: unknown operator; use a key, `$and` or `$or`"
                )));
            }
            _ => {
                let name = vector_metadata_key(&parse_key(at, &key)?);
                match value {
                    Value::Object(comparisons) => {
                        all.extend(compared(&inner, &name, comparisons, values)?);
                    }
                    value => all.push(object([(name, one(&inner, value, values)?)])),
                }
            }
        }
    }
    Ok(joined(all))
}

fn any_or_all(at: &str, value: Value, depth: usize, values: &mut usize) -> Result<Json, InvalidFilter> {
    let Value::Array(parts) = value else {
        return Err(InvalidFilter(format!("`{at}` must be an array of filters")));
    };
    if parts.is_empty() {
        return Err(InvalidFilter(format!("`{at}` must have a filter")));
    }
    if parts.len() > MAX_VALUES {
        return Err(InvalidFilter(format!("`{at}` must have at most {MAX_VALUES} filters")));
    }
    let parts = parts.into_iter().enumerate().map(|(number, part)| {
        let at = format!("{at}[{number}]");
        match part {
            Value::Object(part) => conditions(&at, part, depth + 1, values),
            _ => Err(InvalidFilter(format!("`{at}` must be an object"))),
        }
    });
    Ok(Json::Array(parts.collect::<Result<_, _>>()?))
}

/// Checks the comparisons of one key.
fn compared(
    at: &str,
    name: &str,
    comparisons: Map<String, Value>,
    values: &mut usize,
) -> Result<Vec<Json>, InvalidFilter> {
    if comparisons.is_empty() {
        return Err(InvalidFilter(format!("`{at}` must have a comparison, such as `$eq`")));
    }
    let mut all = vec![];
    for (operator, value) in comparisons {
        let at = format!("{at}.{operator}");
        let wanted = match operator.as_str() {
            "$eq" | "$ne" => one(&at, value, values)?,
            "$gt" | "$gte" | "$lt" | "$lte" if value.is_number() => one(&at, value, values)?,
            "$gt" | "$gte" | "$lt" | "$lte" => {
                return Err(InvalidFilter(format!("`{at}` must be a number")));
            }
            "$in" | "$nin" => list(&at, value, values)?,
            "$exists" => match value {
                Value::Bool(exists) => {
                    *values += 1;
                    Json::Bool(exists)
                }
                _ => return Err(InvalidFilter(format!("`{at}` must be a boolean"))),
            },
            _ => {
                return Err(InvalidFilter(format!(
                    "`{at}`: unknown operator; use `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin` or `$exists`"
                )));
            }
        };
        if matches!(operator.as_str(), "$ne" | "$nin") {
            // S3 Vectors does not say whether a passage without the key differs. Here it does not match.
            all.push(constraint(name, "$exists", Json::Bool(true)));
        }
        all.push(constraint(name, &operator, wanted));
    }
    Ok(all)
}

fn list(at: &str, value: Value, values: &mut usize) -> Result<Json, InvalidFilter> {
    let Value::Array(items) = value else {
        return Err(InvalidFilter(format!("`{at}` must be an array")));
    };
    if items.is_empty() || items.len() > MAX_VALUES {
        return Err(InvalidFilter(format!("`{at}` must have 1 to {MAX_VALUES} values")));
    }
    let items =
        items.into_iter().enumerate().map(|(number, item)| one(&format!("{at}[{number}]"), item, values));
    Ok(Json::Array(items.collect::<Result<_, _>>()?))
}

fn one(at: &str, value: Value, values: &mut usize) -> Result<Json, InvalidFilter> {
    *values += 1;
    Ok(MetadataValue::parse(at, value)?.to_json())
}

fn constraint(name: &str, operator: &str, value: Json) -> Json {
    object([(name.to_owned(), object([(operator.to_owned(), value)]))])
}

fn object<const N: usize>(members: [(String, Json); N]) -> Json {
    Json::Object(HashMap::from(members))
}

/// Returns a filter that needs all of `parts`.
fn joined(mut parts: Vec<Json>) -> Json {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            object([("$and".to_owned(), Json::Array(parts))])
        }
        None => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<Value, String> {
        let Value::Object(filter) = value else { panic!("not an object") };
        Filter::parse("filter", filter)
            .map(|filter| value_of(filter.to_json()))
            .map_err(|error| error.to_string())
    }

    fn value_of(json: Json) -> Value {
        match json {
            Json::Object(members) => {
                Value::Object(members.into_iter().map(|(key, value)| (key, value_of(value))).collect())
            }
            Json::Array(items) => Value::Array(items.into_iter().map(value_of).collect()),
            Json::Number(number) => json!(number.to_f64_lossy()),
            Json::String(text) => Value::String(text),
            Json::Bool(flag) => Value::Bool(flag),
            Json::Null => Value::Null,
        }
    }

    #[test]
    fn keys_become_keys_of_the_tenant() {
        for (given, expected) in [
            (json!({"a": "x"}), json!({"m_a": "x"})),
            (json!({"sealed": true}), json!({"m_sealed": true})),
            (json!({"a": {"$gte": 2}}), json!({"m_a": {"$gte": 2.0}})),
            (json!({"a": {"$in": ["x", 1]}}), json!({"m_a": {"$in": ["x", 1.0]}})),
            (json!({"a": {"$exists": false}}), json!({"m_a": {"$exists": false}})),
            (json!({"a": 1, "b": 2}), json!({"$and": [{"m_a": 1.0}, {"m_b": 2.0}]})),
            (
                json!({"a": {"$gt": 1, "$lt": 5}}),
                json!({"$and": [{"m_a": {"$gt": 1.0}}, {"m_a": {"$lt": 5.0}}]}),
            ),
            (
                json!({"$or": [{"a": 1}, {"$and": [{"b": 2}]}]}),
                json!({"$or": [{"m_a": 1.0}, {"$and": [{"m_b": 2.0}]}]}),
            ),
            (json!({"a": {"$ne": 1}}), json!({"$and": [{"m_a": {"$exists": true}}, {"m_a": {"$ne": 1.0}}]})),
        ] {
            assert_eq!(parse(given.clone()), Ok(expected), "{given}");
        }
    }

    #[test]
    fn filter_accepts_what_a_search_finds() {
        let metadata = json!({"a": "x", "n": 2, "f": true, "z": -0.0});
        let metadata = Metadata::parse(serde_json::from_value(metadata).expect("fields")).expect("metadata");
        let accepts = |filter: Value| {
            let Value::Object(filter) = filter else { panic!("not an object") };
            Filter::parse("filter", filter).expect("a filter").accepts(&metadata)
        };
        for accepted in [
            json!({"a": "x"}),
            json!({"n": 2.0, "f": true, "z": 0}),
            json!({"n": {"$gte": 2, "$lte": 2, "$gt": 1.5, "$lt": 3}}),
            json!({"a": {"$ne": "y"}, "n": {"$nin": ["2", 3]}}),
            json!({"a": {"$ne": 7}}),
            json!({"a": {"$in": ["y", "x"]}}),
            json!({"b": {"$exists": false}, "a": {"$exists": true}}),
            json!({"$or": [{"a": "y"}, {"$and": [{"n": 2}, {"f": {"$eq": true}}]}]}),
            json!({"z": {"$gte": 0, "$lte": 0}}),
        ] {
            assert!(accepts(accepted.clone()), "{accepted}");
        }
        for refused in [
            json!({"a": "X"}),
            json!({"n": "2"}),
            json!({"f": 1}),
            json!({"f": "true"}),
            json!({"a": "x", "n": 3}),
            json!({"n": {"$gt": 2}}),
            json!({"n": {"$gte": 2, "$lt": 2}}),
            json!({"a": {"$gt": 1}}),
            json!({"b": {"$ne": "y"}}),
            json!({"b": {"$nin": ["y"]}}),
            json!({"a": {"$nin": ["x"]}}),
            json!({"b": {"$lt": 1}}),
            json!({"b": "x"}),
            json!({"b": {"$exists": true}}),
            json!({"a": {"$exists": false}}),
            json!({"$and": [{"a": "x"}, {"n": 3}]}),
            json!({"$or": [{"a": "y"}, {"n": 3}]}),
        ] {
            assert!(!accepts(refused.clone()), "{refused}");
        }
    }

    #[test]
    fn refusal_names_the_place() {
        let deep = (0..=MAX_DEPTH).fold(json!({"a": 1}), |inner, _| json!({"$or": [inner]}));
        for (given, expected) in [
            (json!({}), "`filter` must have a condition"),
            (json!({"$not": {}}), "`filter.$not`: unknown operator"),
            (json!({"a": {"$like": "x"}}), "`filter.a.$like`: unknown operator"),
            (json!({"a": {"b": "x"}}), "`filter.a.b`: unknown operator"),
            (json!({"a": {}}), "`filter.a` must have a comparison"),
            (json!({"a": null}), "`filter.a` must be a text, a number or a boolean"),
            (json!({"a": ["x"]}), "`filter.a` must be a text, a number or a boolean"),
            (json!({"a": {"$eq": {"$eq": 1}}}), "`filter.a.$eq` must be a text"),
            (json!({"a": {"$gt": "x"}}), "`filter.a.$gt` must be a number"),
            (json!({"a": {"$exists": 1}}), "`filter.a.$exists` must be a boolean"),
            (json!({"a": {"$in": "x"}}), "`filter.a.$in` must be an array"),
            (json!({"a": {"$in": []}}), "`filter.a.$in` must have 1 to 50 values"),
            (json!({"a": {"$in": ["x", {}]}}), "`filter.a.$in[1]` must be a text"),
            (json!({"$and": {}}), "`filter.$and` must be an array"),
            (json!({"$and": []}), "`filter.$and` must have a filter"),
            (json!({"$or": [{"a": 1}, 7]}), "`filter.$or[1]` must be an object"),
            (json!({"$or": [{}]}), "`filter.$or[0]` must have a condition"),
            (json!({"a.b": 1}), "`filter`: `a.b`: a metadata key is"),
            (json!({"$or": vec![json!({"a": 1}); 51]}), "`filter.$or` must have at most 50 filters"),
            (json!({"a": {"$in": vec![1; 50]}, "b": 1}), "`filter` must compare at most 50 values"),
            (deep, "must nest at most 4 levels"),
        ] {
            let error = parse(given.clone()).expect_err("refused");
            assert!(error.contains(expected), "{given}: {error}");
        }
    }

    #[test]
    fn largest_filter_has_no_more_constraints_than_s3_vectors_allows() {
        let negations: Vec<_> = (0..MAX_VALUES).map(|n| json!({"a": {"$ne": n}})).collect();
        let filter = parse(json!({"$and": negations})).expect("a filter").to_string();
        assert_eq!(filter.matches("\"m_a\"").count(), 100);
    }
}
