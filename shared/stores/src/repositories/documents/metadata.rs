//! A document's metadata: keys and values that its owner chooses. A search can filter by them.

use std::collections::BTreeMap;

use aws_smithy_types::{Document as Json, Number as JsonNumber};
use bulkhead_tenancy::names::MetadataKey;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Maximum keys of a document. S3 Vectors allows 50 for a vector, and some are ours:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html>
const MAX_KEYS: usize = 32;
/// Maximum size as JSON in bytes. S3 Vectors allows 2 KB of filterable metadata for a vector (same source), and each key
/// gets a prefix.
const MAX_BYTES: usize = 1_536;
/// Maximum length of a text value in characters.
const MAX_TEXT: usize = 500;
/// The largest whole number that a float tells apart from its neighbours: 2^53. S3 Vectors stores floats.
const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;

/// The prefix of a tenant's keys in a vector's metadata. No key of ours has it, so a tenant's key never names one of
/// them.
const PREFIX: &str = "m_";

/// Metadata breaks a rule. The message names the field and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMetadata(String);

/// A value of a document's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetadataValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

impl MetadataValue {
    /// Parses the value of the field `at`.
    pub(crate) fn parse(at: &str, value: Value) -> Result<Self, InvalidMetadata> {
        match value {
            Value::Bool(flag) => Ok(Self::Boolean(flag)),
            Value::Number(number) if is_exact(&number) => Ok(Self::Number(number)),
            Value::Number(_) => {
                Err(InvalidMetadata(format!("`{at}`: a number must be -{MAX_NUMBER} to {MAX_NUMBER}")))
            }
            Value::String(text) => match text.chars().count() {
                1..=MAX_TEXT if !text.chars().any(char::is_control) => Ok(Self::Text(text)),
                _ => Err(InvalidMetadata(format!(
                    "`{at}`: a text must have 1 to {MAX_TEXT} characters and no control characters"
                ))),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(InvalidMetadata(format!("`{at}` must be a text, a number or a boolean")))
            }
        }
    }

    /// Returns whether the value, as text, is `text`. Numbers are compared as numbers: `2.0` is `2`.
    fn is_written_as(&self, text: &str) -> bool {
        match self {
            Self::Boolean(flag) => text == if *flag { "true" } else { "false" },
            Self::Number(number) => {
                let asked = serde_json::from_str::<Number>(text).ok().and_then(|asked| asked.as_f64());
                asked.is_some() && asked == number.as_f64()
            }
            Self::Text(own) => own == text,
        }
    }

    /// Returns the value for S3 Vectors.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Boolean(flag) => Json::Bool(*flag),
            Self::Text(text) => Json::String(text.clone()),
            Self::Number(number) => Json::Number(match (number.as_u64(), number.as_i64()) {
                (Some(whole), _) => JsonNumber::PosInt(whole),
                (None, Some(whole)) => JsonNumber::NegInt(whole),
                (None, None) => JsonNumber::Float(number.as_f64().unwrap_or_default()),
            }),
        }
    }
}

/// Returns whether a float holds `number`, if it is a whole number, exactly.
fn is_exact(number: &Number) -> bool {
    // 2^53 + 1 becomes 2^53 as a float.
    let is_next =
        number.as_u64() == Some(9_007_199_254_740_993) || number.as_i64() == Some(-9_007_199_254_740_993);
    number.as_f64().is_some_and(|number| number.abs() <= MAX_NUMBER) && !is_next
}

/// The metadata of one revision of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<MetadataKey, MetadataValue>);

impl Metadata {
    /// Checks metadata that a client sends.
    ///
    /// # Errors
    /// [`InvalidMetadata`] that names the field.
    pub fn parse(given: BTreeMap<String, Value>) -> Result<Self, InvalidMetadata> {
        let entries = given.into_iter().map(|(key, value)| {
            let parsed = parse_key("metadata", &key)?;
            Ok((parsed, MetadataValue::parse(&format!("metadata.{key}"), value)?))
        });
        Self(entries.collect::<Result<_, _>>()?).within_limits()
    }

    /// Returns the metadata after a merge patch.
    ///
    /// # Errors
    /// [`InvalidMetadata`] if the result is too large.
    pub fn patched(&self, patch: &MetadataPatch) -> Result<Self, InvalidMetadata> {
        let Some(changes) = &patch.0 else { return Ok(Self::default()) };
        let mut entries = self.0.clone();
        for (key, value) in changes {
            match value {
                Some(value) => entries.insert(key.clone(), value.clone()),
                None => entries.remove(key),
            };
        }
        Self(entries).within_limits()
    }

    fn within_limits(self) -> Result<Self, InvalidMetadata> {
        if self.0.len() > MAX_KEYS {
            return Err(InvalidMetadata(format!("`metadata` must have at most {MAX_KEYS} keys")));
        }
        if self.canonical().len() > MAX_BYTES {
            return Err(InvalidMetadata(format!("`metadata` must have at most {MAX_BYTES} bytes of JSON")));
        }
        Ok(self)
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the keys and values, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&MetadataKey, &MetadataValue)> {
        self.0.iter()
    }

    /// Returns the metadata as JSON. Equal metadata has equal JSON.
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns whether the value of `key`, as text, is `text`.
    pub fn matches(&self, key: &MetadataKey, text: &str) -> bool {
        self.0.get(key).is_some_and(|value| value.is_written_as(text))
    }

    /// Returns the entries of a vector's metadata.
    pub(crate) fn for_vector(&self) -> impl Iterator<Item = (String, Json)> {
        self.0.iter().map(|(key, value)| (vector_metadata_key(key), value.to_json()))
    }
}

/// A merge patch of metadata (RFC 7396).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataPatch(Option<BTreeMap<MetadataKey, Option<MetadataValue>>>);

impl MetadataPatch {
    /// Checks a patch that a client sends. `null` for a key removes it; `None` removes every key.
    ///
    /// # Errors
    /// [`InvalidMetadata`] that names the field.
    pub fn parse(given: Option<BTreeMap<String, Value>>) -> Result<Self, InvalidMetadata> {
        let Some(given) = given else { return Ok(Self(None)) };
        let changes = given.into_iter().map(|(key, value)| {
            let parsed = parse_key("metadata", &key)?;
            let at = format!("metadata.{key}");
            let value = Some(value).filter(|value| !value.is_null());
            Ok((parsed, value.map(|value| MetadataValue::parse(&at, value)).transpose()?))
        });
        Ok(Self(Some(changes.collect::<Result<_, _>>()?)))
    }
}

/// Parses a key in the field `at`.
pub(crate) fn parse_key(at: &str, key: &str) -> Result<MetadataKey, InvalidMetadata> {
    MetadataKey::parse(key).map_err(|error| InvalidMetadata(format!("`{at}`: `{key}`: {error}")))
}

/// Returns the key of a tenant's metadata in a vector.
pub(crate) fn vector_metadata_key(key: &MetadataKey) -> String {
    format!("{PREFIX}{key}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).expect("an object")
    }

    fn parse(value: Value) -> Metadata {
        Metadata::parse(given(value)).expect("metadata")
    }

    #[test]
    fn texts_numbers_and_booleans_are_kept_as_given() {
        let value = json!({"department": "legal", "year": 2026, "share": 0.25, "low": -3, "public": true});
        let metadata = parse(value.clone());
        assert_eq!(serde_json::to_value(&metadata).expect("JSON"), value);
        assert_eq!(serde_json::from_value::<Metadata>(value).expect("metadata"), metadata);
        assert!(parse(json!({})).is_empty());
    }

    #[test]
    fn refusal_names_the_field() {
        let many: serde_json::Map<_, _> = (0..=MAX_KEYS).map(|n| (format!("k{n}"), json!(n))).collect();
        for (value, expected) in [
            (json!({"a": null}), "`metadata.a` must be a text, a number or a boolean"),
            (json!({"a": []}), "`metadata.a` must be"),
            (json!({"a": {"b": 1}}), "`metadata.a` must be"),
            (json!({"a": ""}), "`metadata.a`: a text must have 1 to 500 characters"),
            (json!({"a": "x".repeat(501)}), "`metadata.a`: a text must have"),
            (json!({"a": "x\u{0}"}), "`metadata.a`: a text must have"),
            (json!({"a": 9_007_199_254_740_993_u64}), "`metadata.a`: a number must be -9007199254740992 to"),
            (json!({"a": 1e300}), "`metadata.a`: a number must be"),
            (json!({"a": -9_007_199_254_740_993_i64}), "`metadata.a`: a number must be"),
            (json!({"$and": 1}), "`metadata`: `$and`: a metadata key is 1 to 60 characters"),
            (json!({"": 1}), "`metadata`: ``: a metadata key is"),
            (json!({"a.b": 1}), "`metadata`: `a.b`: a metadata key is"),
            (json!({"k".repeat(61): 1}), "a metadata key is"),
            (Value::Object(many), "`metadata` must have at most 32 keys"),
            (json!({"a": "é".repeat(400), "b": "é".repeat(400)}), "`metadata` must have at most 1536 bytes"),
        ] {
            let error = Metadata::parse(given(value.clone())).expect_err("refused").to_string();
            assert!(error.contains(expected), "{value}: {error}");
        }
    }

    #[test]
    fn merge_patch_adds_changes_and_removes_keys() {
        let before = parse(json!({"a": 1, "b": "x", "c": true}));
        let patched = |patch| before.patched(&MetadataPatch::parse(patch).expect("a patch"));
        let after = patched(Some(given(json!({"a": 2, "b": null, "d": "y", "e": null})))).expect("metadata");
        assert_eq!(after, parse(json!({"a": 2, "c": true, "d": "y"})));
        assert_eq!(patched(Some(given(json!({})))), Ok(before.clone()));
        assert_eq!(patched(None), Ok(Metadata::default()));
        for (patch, expected) in [
            (json!({"a": {"b": null}}), "`metadata.a` must be a text"),
            (json!({"a.b": null}), "`metadata`: `a.b`: a metadata key is"),
        ] {
            let error = MetadataPatch::parse(Some(given(patch))).expect_err("refused").to_string();
            assert!(error.contains(expected), "{error}");
        }
        let large = |key: &str| Some(given(json!({key: "é".repeat(400)})));
        let one = patched(large("x")).expect("metadata");
        let error = one.patched(&MetadataPatch::parse(large("y")).expect("a patch")).expect_err("too large");
        assert!(error.to_string().contains("at most 1536 bytes"));
    }

    #[test]
    fn text_of_a_query_matches_the_value() {
        let metadata = parse(json!({"n": 2, "t": "2", "b": true, "f": 0.5}));
        let key = |key: &str| MetadataKey::parse(key).expect("a key");
        for (name, text, expected) in [
            ("n", "2", true),
            ("n", "2.0", true),
            ("n", "3", false),
            ("n", "x", false),
            ("t", "2", true),
            ("t", "2.0", false),
            ("b", "true", true),
            ("b", "false", false),
            ("b", "1", false),
            ("f", "0.50", true),
            ("absent", "2", false),
        ] {
            assert_eq!(metadata.matches(&key(name), text), expected, "{name} {text}");
        }
    }

    #[test]
    fn no_key_of_a_tenant_is_a_key_of_ours() {
        let metadata = parse(json!({"sealed": "x", "m_sealed": "y"}));
        let keys: Vec<_> = metadata.for_vector().map(|(key, _)| key).collect();
        assert_eq!(keys, ["m_m_sealed", "m_sealed"]);
        // The longest metadata fits, with the prefixes.
        let keys = MAX_KEYS * PREFIX.len();
        assert!(MAX_BYTES + keys <= 2_048);
    }
}
