//! Schemas of fields that the OpenAPI document describes from the code: content types, statuses, metadata.

use bulkhead_documents::Format;
use bulkhead_stores::{DocumentStatus, WaitingReason};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::checks::MAX_CONTENT_TYPE;

/// Pattern of a key of metadata.
const METADATA_KEY: &str = "^[A-Za-z0-9_-]{1,60}$";

/// A status that a listing can ask for.
#[derive(Debug)]
pub struct ShownStatus;

impl PartialSchema for ShownStatus {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(status()))
    }
}

impl ToSchema for ShownStatus {}

/// A content type that a listing can ask for.
#[derive(Debug)]
pub struct ListedType;

impl PartialSchema for ListedType {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(content_type()))
    }
}

impl ToSchema for ListedType {}

/// Values of metadata that a listing can ask for.
#[derive(Debug)]
pub struct MetadataEquals;

impl PartialSchema for MetadataEquals {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(500));
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property_names(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some(METADATA_KEY))))
            .additional_properties(Some(text))
            .examples([serde_json::json!({"department": "legal"})]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for MetadataEquals {}

/// Describes a value of metadata.
fn metadata_values() -> OneOfBuilder {
    OneOfBuilder::new()
        .item(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(500))
                .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]+$")),
        )
        .item(
            ObjectBuilder::new()
                .schema_type(Type::Number)
                .minimum(Some(-9_007_199_254_740_992_i64))
                .maximum(Some(9_007_199_254_740_992_i64)),
        )
        .item(ObjectBuilder::new().schema_type(Type::Boolean))
}

fn metadata_keys(values: OneOfBuilder) -> ObjectBuilder {
    ObjectBuilder::new()
        .max_properties(Some(32))
        .property_names(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some(METADATA_KEY))))
        .additional_properties(Some(RefOr::T(Schema::OneOf(values.build()))))
}

pub(crate) fn metadata_schema() -> Object {
    metadata_keys(metadata_values())
        .schema_type(Type::Object)
        .description(Some(
            "Your own keys with a text, a number or a boolean each: at most 32 keys of 1 to 60 characters from A-Z, \
             a-z, 0-9, `_` and `-`, and at most 1,536 bytes of JSON. Numbers: -2^53 to 2^53. A search can filter \
             by them. Not for secrets: the index stores them readable to the service.",
        ))
        .examples([serde_json::json!({"department": "legal", "year": 2026, "public": true})])
        .build()
}

pub(crate) fn metadata_patch_schema() -> Object {
    metadata_keys(metadata_values().item(ObjectBuilder::new().schema_type(Type::Null)))
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "A merge patch (RFC 7396) of the metadata: a value sets its key, `null` removes it. `null` instead of an \
             object removes all keys.",
        ))
        .examples([serde_json::json!({"year": 2027, "public": null})])
        .build()
}

/// Describes a content type of `formats`, with its parameters.
fn content_type_of(formats: impl IntoIterator<Item = Format>, of: &str) -> Object {
    let types: Vec<_> = formats.into_iter().map(Format::content_type).collect();
    let description = format!("Content type of the {of}: `{}`.", types.join("`, `"));
    let pattern = format!("^({})( *;.*)?$", types.join("|").replace('.', r"\.").replace('+', r"\+"));
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .max_length(Some(MAX_CONTENT_TYPE))
        .examples(types.first().copied())
        .build()
}

pub(crate) fn content_type() -> Object {
    content_type_of(Format::ALL, "document")
}

pub(crate) fn inline_content_type() -> Object {
    content_type_of(Format::ALL.into_iter().filter(|format| format.is_text()), "text")
}

/// Describes a text that has one of `values`.
fn one_of(values: impl IntoIterator<Item = &'static str>, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(values))
        .build()
}

pub(crate) fn status() -> Object {
    one_of(
        DocumentStatus::SHOWN.map(DocumentStatus::as_str),
        "The status of the newest revision. `waiting`: see `waiting_reason`. `dead`: the document is among the dead \
         letters.",
    )
}

pub(crate) fn waiting_reason() -> Object {
    one_of(
        WaitingReason::ALL.map(WaitingReason::as_str),
        "Why indexing waits: `retry` (the last attempt failed), `circuit_open` (too many of the tenant's jobs \
         failed), `over_limit` (no worker is free), `continued` (the document needs several runs), `budget` (your \
         budget has no room), `lost` (a worker \
         disappeared) or `redriven`. Only with the status `waiting`.",
    )
}
