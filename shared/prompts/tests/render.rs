//! Rendering is strict, bounded, and has no access to files or other templates.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_prompts::{Template, TemplateError, Variables};
use proptest::prelude::*;
use serde_json::json;

fn render(source: &str, variables: serde_json::Value) -> Result<String, TemplateError> {
    let variables: Variables = variables.as_object().expect("an object").clone();
    Template::parse(source)?.render(&variables)
}

#[test]
fn values_are_not_escaped() {
    let text = render(
        "Hello {{ name }} <{{ n + 1 }}>{% for x in xs %} {{ x }}{% endfor %}",
        json!({"name": "a & b", "n": 1, "xs": ["<p>", 2]}),
    );
    assert_eq!(text.as_deref(), Ok("Hello a & b <2> <p> 2"));
}

#[test]
fn error_names_missing_variable() {
    let error = render("{{ greeting }}\n{{ name }}", json!({"greeting": "hi"})).expect_err("undefined");
    assert_eq!(error, TemplateError::Undefined { line: 2, variables: "`greeting`, `name`".to_owned() });
}

#[test]
fn syntax_error_names_its_line() {
    let error = Template::parse("fine\n{% if %}").expect_err("syntax");
    assert!(matches!(error, TemplateError::Syntax { line: 2, .. }), "{error:?}");
}

#[test]
fn rejects_empty_and_long_source() {
    assert_eq!(Template::parse(" \n"), Err(TemplateError::Empty));
    assert_eq!(Template::parse(&"x".repeat(Template::MAX_BYTES + 1)), Err(TemplateError::TooLong));
    assert!(Template::parse(&"x".repeat(Template::MAX_BYTES)).is_ok());
}

#[test]
fn rejects_hostile_templates() {
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
fn missing_variable_is_false_and_has_no_text() {
    let source =
        "Hello{% if name %} {{ name }}{% endif %}{{ title or '.' }}{% if not (a and b) %}!{% endif %}";
    assert_eq!(render(source, json!({})).as_deref(), Ok("Hello.!"));
    for source in ["{{ name }}", "{{ name ~ 'x' }}", "{{ first-name }}", "{% for x in name %}{% endfor %}"] {
        let error = render(source, json!({})).expect_err(source);
        assert!(matches!(error, TemplateError::Undefined { line: 1, .. }), "{source}: {error}");
        assert!(error.to_string().contains("name`"), "{source}: {error}");
    }
}

#[test]
fn python_methods_and_filters_of_jinja2_work() {
    let values = json!({"name": "ada lovelace", "row": {"b": 2}, "größe": "XL", "names": ["x", "y"]});
    for (source, expected) in [
        ("{{ name.upper() }}", "ADA LOVELACE"),
        ("{{ name.title().split(' ')[1] }}", "Lovelace"),
        ("{{ name.replace('ada', 'a.').strip() }}", "a. lovelace"),
        ("{% if name.startswith('ada') %}y{% endif %}", "y"),
        ("{% for key, value in row.items() %}{{ key }}={{ value }};{% endfor %}", "b=2;"),
        ("{{ row.get('c', 'none') }} {{ row.keys() | list | join }}", "none b"),
        ("{{ ', '.join(names) }}", "x, y"),
        ("{{ name | truncate(6) }}", "ada..."),
        ("{{ name | truncate(length=6, end='…') }}", "ada…"),
        ("{{ name | wordwrap(5) }}", "ada\nlovel\nace"),
        ("{{ name | wordwrap(width=5, break_long_words=false) }}", "ada\nlovelace"),
        ("{{ name | wordcount }} word{{ 2 | pluralize }}", "2 words"),
        ("{{ '<b>bold</b>' | striptags }} {{ 'a b' | urlencode }}", "bold a%20b"),
        ("{{ row | tojson(indent=1) }}", "{\n \"b\": 2\n}"),
        ("{% for x in names %}{% if x == 'y' %}{% break %}{% endif %}{{ x }}{% endfor %}", "x"),
        ("{{ größe.lower() }}", "xl"),
    ] {
        assert_eq!(render(source, values.clone()).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn value_is_never_evaluated() {
    assert_eq!(
        render("{{ x }}", json!({"x": "{{ 7 * 7 }}{% for %}"})).as_deref(),
        Ok("{{ 7 * 7 }}{% for %}")
    );
}

proptest! {
    #[test]
    fn renderer_never_panics(source in "(\\{\\{|\\}\\}|\\{%|%\\}|for|in|if|x|[ -~]|\\PC){0,60}") {
        let _ = render(&source, json!({"x": [1, "two", {"three": null}]}));
    }
}
