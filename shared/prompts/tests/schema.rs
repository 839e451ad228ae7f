//! Declared variables: what a declaration accepts, what it refuses, and what it says.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_prompts::{OutputSchema, Variables, VariablesSchema};
use proptest::prelude::*;
use serde_json::{Value, json};

fn schema(properties: Value) -> VariablesSchema {
    VariablesSchema::read(&json!({"type": "object", "properties": properties})).expect("a declaration")
}

fn variables(values: &Value) -> Variables {
    values.as_object().expect("an object").clone()
}

fn applied(properties: Value, values: &Value) -> Result<Value, String> {
    schema(properties).apply(variables(values)).map(Value::Object).map_err(|error| error.to_string())
}

fn read(declaration: &Value) -> String {
    VariablesSchema::read(declaration).expect_err("refused").to_string()
}

/// Tools that generate schemas write these keywords.
#[test]
fn annotations_and_closed_objects_are_accepted() {
    let schema = |more: Value| {
        let mut schema = json!({"type": "object", "title": "Departure", "properties": {
            "hour": {"type": "integer", "title": "Hour"}}, "required": ["hour"]});
        schema.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        OutputSchema::read(&schema)
    };
    let closed = schema(json!({"additionalProperties": false})).expect("a schema");
    let answer = |text: &str| closed.apply(serde_json::from_str(text).expect("an object"));
    assert!(answer(r#"{"hour": 7}"#).is_ok());
    let error = answer(r#"{"hour": "7"}"#).expect_err("refused").to_string();
    assert_eq!(error, "`output.hour`: found a string, expected an integer");
    assert!(
        answer(r#"{"hour": 7, "day": 1}"#).is_err_and(|error| error.to_string().contains("`output.day`"))
    );
    for open in [json!(true), json!({}), json!(null)] {
        let error = schema(json!({"additionalProperties": open})).expect_err("refused").to_string();
        assert_eq!(error, "`output.schema.additionalProperties`: must be false, or leave it out");
    }
    assert!(schema(json!({"title": 7})).is_err());
}

#[test]
fn values_of_the_declared_kind_are_accepted() {
    let properties = json!({
        "s": {"type": "string", "maxLength": 3, "description": "a word"},
        "n": {"type": "number"},
        "i": {"type": "integer", "enum": [1, 2]},
        "b": {"type": "boolean"},
        "a": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "o": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
        "any": {"type": "object"},
        "list": {"type": "array"},
    });
    let values = json!({"s": "äöü", "n": 1.5, "i": 2.0, "b": false, "a": ["x", "y"], "o": {"x": 3},
                        "any": {"z": [null]}, "list": [1, "x", null]});
    assert_eq!(applied(properties.clone(), &values), Ok(values));
    assert_eq!(applied(properties, &json!({})), Ok(json!({})), "nothing is required");
}

#[test]
fn an_error_names_path_kind_and_expectation() {
    let properties = json!({
        "name": {"type": "string", "maxLength": 3},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "loud": {"type": "boolean"},
        "tone": {"type": "string", "enum": ["kind", "brief"]},
        "items": {"type": "array", "maxItems": 2, "items": {
            "type": "object", "properties": {"price": {"type": "number"}, "a b": {"type": "string"}}, "required": ["price"]}},
    });
    for (values, message) in [
        (json!({"name": 7}), "`variables.name`: found a number, expected a string"),
        (json!({"name": null}), "`variables.name`: found null, expected a string"),
        (json!({"name": "four"}), "`variables.name`: found a string of 4 characters, expected at most 3"),
        (json!({"count": 1.5}), "`variables.count`: found a number with a fraction, expected an integer"),
        (json!({"count": "1"}), "`variables.count`: found a string, expected an integer"),
        (json!({"ratio": true}), "`variables.ratio`: found true or false, expected a number"),
        (json!({"loud": "true"}), "`variables.loud`: found a string, expected true or false"),
        (
            json!({"tone": "rude"}),
            r#"`variables.tone`: found another string, expected one of "kind", "brief""#,
        ),
        (json!({"items": {}}), "`variables.items`: found an object, expected an array"),
        (
            json!({"items": [{"price": 1}, {}, {}]}),
            "`variables.items`: found an array of 3 items, expected at most 2",
        ),
        (json!({"items": [{"price": 1}, {}]}), "`variables.items[1].price`: missing, expected a number"),
        (json!({"items": [{"price": []}]}), "`variables.items[0].price`: found an array, expected a number"),
        (
            json!({"items": [{"price": 1, "a b": 1}]}),
            "`variables.items[0][\"a b\"]`: found a number, expected a string",
        ),
        (
            json!({"items": [{"price": 1, "sku": 1}]}),
            "`variables.items[0].sku`: not declared; declared are `a b`, `price`",
        ),
        (
            json!({"colour": 1}),
            "`variables.colour`: not declared; declared are `count`, `items`, `loud`, `name`, `ratio`, `tone`",
        ),
    ] {
        assert_eq!(applied(properties.clone(), &values), Err(message.to_owned()));
    }
}

#[test]
fn missing_values_are_defaults_or_errors() {
    let declaration = json!({"type": "object", "required": ["name", "tone"], "properties": {
        "name": {"type": "string"},
        "tone": {"type": "string", "default": "kind"},
        "shop": {"type": "object", "default": {}, "properties": {"city": {"type": "string", "default": "Skerrow"}}},
    }});
    let schema = VariablesSchema::read(&declaration).expect("a declaration");
    assert_eq!(schema.names(), ["name", "shop", "tone"]);
    let apply = |values: Value| schema.apply(variables(&values)).map(Value::Object);
    assert_eq!(
        apply(json!({"name": "Ada"})),
        Ok(json!({"name": "Ada", "tone": "kind", "shop": {"city": "Skerrow"}}))
    );
    assert_eq!(
        apply(json!({"name": "Ada", "tone": "brief", "shop": {"city": "Oban"}})),
        Ok(json!({"name": "Ada", "tone": "brief", "shop": {"city": "Oban"}}))
    );
    let missing = apply(json!({})).expect_err("missing").to_string();
    assert_eq!(missing, "`variables.name`: missing, expected a string");
}

#[test]
fn a_contradictory_declaration_is_refused_with_its_path() {
    let of = |schema: Value| json!({"type": "object", "properties": {"x": schema}});
    for (declaration, message) in [
        (json!([]), "`variables`: found an array, expected a schema: an object"),
        (json!({}), "`variables`: `type` is missing"),
        (json!({"type": "string"}), "`variables`: must have"),
        (json!({"type": "object"}), "`variables`: must have"),
        (
            json!({"type": "object", "properties": []}),
            "`variables.properties`: found an array, expected an object",
        ),
        (json!({"type": "object", "properties": {"x": 1}}), "`variables.properties.x`: found a number"),
        (json!({"type": "object", "properties": {}, "$defs": {}}), "`variables[\"$defs\"]`: no keyword"),
        (
            json!({"type": "object", "properties": {}, "required": ["x"]}),
            "`variables.required[0]`: `x` is not in `properties`",
        ),
        (
            json!({"type": "object", "properties": {}, "required": "x"}),
            "`variables.required`: found a string",
        ),
        (of(json!({"type": "text"})), "`variables.properties.x.type`: must be one of `string`"),
        (of(json!({"type": ["string", "null"]})), "`variables.properties.x.type`: must be one of"),
        (
            of(json!({"type": "string", "pattern": "x"})),
            "`variables.properties.x.pattern`: no keyword of the type `string`",
        ),
        (of(json!({"type": "integer", "maxLength": 1})), "`variables.properties.x.maxLength`: no keyword"),
        (
            of(json!({"type": "string", "maxLength": -1})),
            "`variables.properties.x.maxLength`: must be a whole number",
        ),
        (
            of(json!({"type": "array", "maxItems": 1.5})),
            "`variables.properties.x.maxItems`: must be a whole number",
        ),
        (
            of(json!({"type": "string", "description": 7})),
            "`variables.properties.x.description`: found a number",
        ),
        (
            of(json!({"type": "string", "enum": []})),
            "`variables.properties.x.enum`: must be an array of 1 to 100",
        ),
        (
            of(json!({"type": "string", "enum": ["a", 1]})),
            "`variables.properties.x.enum[1]`: found a number, expected a string",
        ),
        (
            of(json!({"type": "integer", "default": "1"})),
            "`variables.properties.x.default`: found a string, expected an integer",
        ),
        (
            of(json!({"type": "string", "enum": ["a"], "default": "b"})),
            "`variables.properties.x.default`: found another string",
        ),
        (
            of(json!({"type": "array", "items": {"type": "x"}})),
            "`variables.properties.x.items.type`: must be one of",
        ),
        (
            json!({"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x", "x"]}),
            "`variables.required[1]`: `x` is repeated",
        ),
        (
            of(json!({"type": "string", "description": "x".repeat(16 * 1024)})),
            "`variables`: longer than 16384 bytes",
        ),
    ] {
        let error = read(&declaration);
        assert!(error.starts_with(message), "{error}, not {message}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |levels: usize| {
        (1..levels)
            .fold(json!({"type": "string"}), |inner, _| json!({"type": "object", "properties": {"x": inner}}))
    };
    assert!(VariablesSchema::read(&nested(VariablesSchema::MAX_DEPTH)).is_ok());
    assert!(read(&nested(VariablesSchema::MAX_DEPTH + 1)).contains("nests deeper than 8 levels"));
    let list = (1..20).fold(json!({"type": "string"}), |inner, _| json!({"type": "array", "items": inner}));
    assert!(read(&json!({"type": "object", "properties": {"x": list}})).contains("nests deeper"));
}

/// Returns any JSON, with keywords of schemas as frequent names.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("type"),
        Just("properties"),
        Just("required"),
        Just("items"),
        Just("enum"),
        Just("default"),
        Just("maxLength"),
        Just("maxItems"),
        Just("x"),
        Just("y"),
    ];
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        Just(json!("string")),
        Just(json!("object")),
        Just(json!("array")),
        Just(json!("integer")),
        Just(json!("x")),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// A declaration that is accepted is applied without a panic, and accepts what it returned.
    #[test]
    fn any_declaration_and_any_values_end_in_an_answer(declaration in any_json(), values in any_json()) {
        let whole = json!({"type": "object", "properties": {"x": declaration}});
        if let (Ok(schema), Value::Object(values)) = (VariablesSchema::read(&whole), values)
            && let Ok(applied) = schema.apply(values)
        {
            prop_assert_eq!(schema.apply(applied.clone()), Ok(applied));
        }
    }
}

/// Defaults that hold objects that take defaults grow by each level, at first when the declaration is read.
#[test]
fn defaults_do_not_grow_without_a_limit() {
    let mut nested = json!({"type": "string", "default": "x"});
    for _ in 0..2 {
        let items = json!({"type": "object", "properties": {"v": nested}});
        nested = json!({"type": "array", "items": items, "default": vec![json!({}); 300]});
    }
    let declared = VariablesSchema::read(&json!({"type": "object", "properties": {"list": nested}}));
    let refused = declared.expect_err("90,000 objects").to_string();
    assert!(refused.contains("the defaults fill in more than 262144 bytes"), "{refused}");

    let long = "x".repeat(10_000);
    let item = json!({"type": "object", "properties": {"v": {"type": "string", "default": long}}});
    let properties = json!({"list": {"type": "array", "items": item}});
    let filled = |count: usize| applied(properties.clone(), &json!({"list": vec![json!({}); count]}));
    assert_eq!(filled(26).expect("enough room")["list"][25]["v"], long.as_str());
    let refused = filled(27).expect_err("too much");
    assert!(refused.starts_with("`variables.list[26].v`: the defaults fill in more"), "{refused}");
}
