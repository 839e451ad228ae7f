//! Rendering is strict, bounded and closed to the outside.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_prompts::{Template, TemplateError, Variables};
use proptest::prelude::*;
use serde_json::json;

fn render(source: &str, variables: serde_json::Value) -> Result<String, TemplateError> {
    let variables: Variables = variables.as_object().expect("an object").clone();
    Template::parse(source)?.render(&variables)
}

#[test]
fn values_are_put_in_as_they_are() {
    let text = render(
        "Hello {{ name }} <{{ n + 1 }}>{% for x in xs %} {{ x }}{% endfor %}",
        json!({"name": "a & b", "n": 1, "xs": ["<p>", 2]}),
    );
    assert_eq!(text.as_deref(), Ok("Hello a & b <2> <p> 2"));
}

#[test]
fn a_missing_variable_is_named() {
    let error = render("{{ greeting }}\n{{ name }}", json!({"greeting": "hi"})).expect_err("undefined");
    assert_eq!(error, TemplateError::Undefined { line: 2, variables: "`greeting`, `name`".to_owned() });
}

#[test]
fn a_syntax_error_names_its_line() {
    let error = Template::parse("fine\n{% if %}").expect_err("syntax");
    assert!(matches!(error, TemplateError::Syntax { line: 2, .. }), "{error:?}");
}

#[test]
fn empty_and_long_sources_are_refused() {
    assert_eq!(Template::parse(" \n"), Err(TemplateError::Empty));
    assert_eq!(Template::parse(&"x".repeat(Template::MAX_BYTES + 1)), Err(TemplateError::TooLong));
    assert!(Template::parse(&"x".repeat(Template::MAX_BYTES)).is_ok());
}

#[test]
fn hostile_templates_are_refused() {
    let many = json!({"big": "x".repeat(60_000)});
    for hostile in [
        "{{ 'x' * 300000000 }}",
        "{% for i in range(100000000) %}x{% endfor %}",
        "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{{ big }}{{ big }}{{ big }}{{ big }}{{ big }}",
    ] {
        let refused = render(hostile, many.clone());
        assert!(refused.is_err(), "{hostile}: {:?}", refused.map(|text| text.len()));
    }
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(render(&nested, json!({})).is_err());
}

#[test]
fn a_value_is_never_run_as_a_template() {
    assert_eq!(
        render("{{ x }}", json!({"x": "{{ 7 * 7 }}{% for %}"})).as_deref(),
        Ok("{{ 7 * 7 }}{% for %}")
    );
}

proptest! {
    #[test]
    fn no_source_makes_the_renderer_panic(source in "(\\{\\{|\\}\\}|\\{%|%\\}|for|in|if|x|[ -~]|\\PC){0,60}") {
        let _ = render(&source, json!({"x": [1, "two", {"three": null}]}));
    }
}
