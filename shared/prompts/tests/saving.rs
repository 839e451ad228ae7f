//! What can never be rendered, or is too large to parse, is refused when it is saved.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_prompts::{NameKind, Template, TemplateError};
use proptest::prelude::*;

fn refused(source: &str) -> TemplateError {
    Template::parse(source).expect_err(source)
}

#[test]
fn unknown_names_are_refused_with_line_and_suggestion() {
    for (source, kind, name, suggestion) in [
        ("{{ a | uper }}", NameKind::Filter, "uper", Some("upper")),
        ("{% filter uper %}x{% endfilter %}", NameKind::Filter, "uper", Some("upper")),
        ("{{ a | map('uper') | list }}", NameKind::Filter, "uper", Some("upper")),
        ("{% set b %}x{% endset %}{{ a | trucate(3) }}", NameKind::Filter, "trucate", Some("truncate")),
        ("{{ a | md5sum_of_it }}", NameKind::Filter, "md5sum_of_it", None),
        ("{% if a is evne %}x{% endif %}", NameKind::Test, "evne", Some("even")),
        ("{{ a | select('od') | list }}", NameKind::Test, "od", Some("odd")),
        ("{{ a | rejectattr('b', 'equalt', 1) | list }}", NameKind::Test, "equalt", Some("equalto")),
        ("{{ rnage(3) }}", NameKind::Function, "rnage", Some("range")),
        ("{{ lookup('env', 'HOME') }}", NameKind::Function, "lookup", None),
        ("{% call card() %}x{% endcall %}", NameKind::Function, "card", None),
        ("{{ a.uper() }}", NameKind::Method, "uper", Some("upper")),
        ("{{ a.append(1) }}", NameKind::Method, "append", None),
        ("{{ a.b['c'].itmes() }}", NameKind::Method, "itmes", Some("items")),
        // Also where the template may never go.
        ("{% if false %}{{ a | uper }}{% endif %}", NameKind::Filter, "uper", Some("upper")),
        ("{% macro m(x=b.uper()) %}{% endmacro %}", NameKind::Method, "uper", Some("upper")),
    ] {
        let expected = TemplateError::Unknown {
            line: 2,
            kind,
            name: name.to_owned(),
            suggestion: suggestion.map(str::to_owned),
        };
        assert_eq!(refused(&format!("first line\n{source}")), expected, "{source}");
    }
    assert_eq!(refused("{{ a | uper }}").to_string(), "line 1: unknown filter `uper`: did you mean `upper`?");
}

#[test]
fn names_that_the_template_defines_are_accepted() {
    for source in [
        "{% macro card(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call card(1) %}x{% endcall %}",
        "{% set ns = namespace() %}{% macro m() %}x{% endmacro %}{% set ns.show = m %}{{ ns.show() }}",
        "{% macro m() %}x{% endmacro %}{% set all = {'show': m} %}{{ all.show() }}",
        "{% for x in tree recursive %}{{ x.name }}{{ loop(x.children) }}{{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% set row = cycler('a', 'b') %}{{ row.next() }}",
    ] {
        assert!(Template::parse(source).is_ok(), "{source}: {:?}", Template::parse(source));
    }
}

#[test]
fn template_that_always_fails_is_refused() {
    for source in
        ["{{ 1 / 0 }}", "{{ 'a'.items() }}", "{{ {'q': 1}.q() }}", "{{ [3, 'a'] | sort }}{{ 1 | sort }}"]
    {
        assert!(
            matches!(refused(source), TemplateError::Render { line: 1, .. }),
            "{source}: {}",
            refused(source)
        );
    }
    // The limits are checked when the template is rendered.
    assert!(Template::parse("{% for i in range(99999) %}x{% endfor %}").is_ok());
}

#[test]
fn literal_braces_are_refused_with_advice() {
    for source in
        ["Form: {{\"a\": 1}}", "Form: {{name: text}}", "Form: {{}}", "Form: {{{name}}}", "{{'a': [1, 2]}}"]
    {
        let error = refused(source).to_string();
        assert!(error.contains("{% raw %}"), "{source}: {error}");
    }
    assert!(!refused("{{ a b }}").to_string().contains("raw"));
    assert!(refused("{% esle %}").to_string().contains("did you mean `else`?"));
}

/// The parser, the compiler and the destructor recurse on each of these.
#[test]
fn deep_expressions_are_refused_before_they_are_parsed() {
    let before = ["-", "not ", "(", "[", "{1:", "a(", "a[", "1 if 1 else ", "1 if (", "a|f(", "1 is odd("];
    let after = [
        "+1",
        "-1",
        "*1",
        "/1",
        "//1",
        "%1",
        "**1",
        "~1",
        "()",
        ".a",
        ".1",
        "[0]",
        "[0:1]",
        "|upper",
        " is odd",
        " and 1",
        " or 1",
        " in a",
        " not in a",
        " == 1",
        " < 1",
        " is not odd",
        " if 1 else 1",
        " if 1",
        "(a=1)",
        "[:]",
    ];
    for (open, close) in
        [("{{ ", " }}"), ("{% set a = ", " %}"), ("{% if ", " %}{% endif %}"), ("{% for x in ", " %}")]
    {
        for operator in before {
            let source = format!("\n{open}{}1{close}", operator.repeat(60_000 / operator.len()));
            assert_eq!(refused(&source), TemplateError::ExpressionTooDeep { line: 2 }, "{open}{operator}");
        }
        for operator in after {
            let source = format!("\n{open}1{}{close}", operator.repeat(60_000 / operator.len()));
            assert_eq!(refused(&source), TemplateError::ExpressionTooDeep { line: 2 }, "{open}{operator}");
        }
    }
    let literal = format!("{{{{ \"1\" {} }}}}", "~1".repeat(20_000));
    assert_eq!(refused(&literal), TemplateError::ExpressionTooDeep { line: 1 });
}

#[test]
fn deep_blocks_are_refused_before_they_are_parsed() {
    for (first, more, last) in [
        ("{% if a %}", "{% elif a %}x", "{% endif %}"),
        ("", "{% if a %}", ""),
        ("", "{% for a in b %}", ""),
        ("", "{% with a = 1 %}", ""),
        ("", "{% filter upper %}", ""),
        (
            "{% if a %}",
            "{% elif b %}{% if c %}x{% endif %}{% for d in e %}{% if f %}{% else %}",
            "{% endif %}",
        ),
    ] {
        let source = format!("{first}{}{last}", more.repeat(60_000 / more.len()));
        assert_eq!(refused(&source), TemplateError::BlocksTooDeep { line: 1 }, "{more}");
    }
}

/// Long is not deep.
#[test]
fn long_templates_are_accepted() {
    let list = format!("{{{{ [{}] | length }}}}", "'item', ".repeat(7_000));
    let rows = "{% if a %}{{ a.b.c | default('x') }}{% elif b %}{{ b }}{% endif %}\n".repeat(900);
    let choices = format!("{{% if a == 0 %}}x{}{{% endif %}}", "{% elif a == 1 %}x".repeat(140));
    let sum = format!("{{{{ a{} }}}}", " ~ b.c".repeat(120));
    for source in [list, rows, choices, sum] {
        assert!(Template::parse(&source).is_ok(), "{:.60}: {:?}", source, Template::parse(&source).err());
    }
}

proptest! {
    /// Any sequence of operators either parses or is refused: the stack never overflows.
    #[test]
    fn any_nesting_is_judged(
        parts in prop::collection::vec(prop_oneof![
            Just("("), Just(")"), Just("["), Just("]"), Just("{1:"), Just("}"), Just("-"), Just("not "), Just("1"),
            Just(" ~ 1"), Just("|upper"), Just(".a"), Just(","), Just(" if 1 else "), Just(" }}{{ "),
            Just(" }}{% if "), Just(" %}{{ "), Just(" }}{% elif "), Just(" }}{% endif %}{{ "),
        ], 1..40),
        times in 1_usize..800,
    ) {
        let source: String = "{{ ".to_owned() + &parts.concat().repeat(times).chars().take(60_000).collect::<String>() + " }}";
        let _ = Template::parse(&source);
    }
}

#[test]
fn template_may_read_only_declared_variables() {
    let source = "{{ name }}{% set x = 1 %}{{ x }}{% for i in range(3) %}{{ i }}{{ nmae }}{% endfor %}";
    let template = Template::parse(source).expect("a template");
    let declared = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(template.reads_only(&declared(&["name", "nmae", "more"])), Ok(()));
    let error = template.reads_only(&declared(&["name"])).expect_err("refused").to_string();
    assert_eq!(
        error,
        "the template reads `nmae`, which `variables` does not declare; declare or remove them"
    );
}

#[test]
fn instruction_reads_only_variables_that_may_instruct() {
    let template = Template::parse("Be {{ tone }}.{% set x = name %}").expect("a template");
    let allowed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(template.instructs_only(&allowed(&["name", "tone"])), Ok(()));
    let error = template.instructs_only(&allowed(&["tone"])).expect_err("refused").to_string();
    assert!(error.starts_with("a message of `system` reads `name`: move it"), "{error}");
}
