//! The child process that renders: what it answers, and what ends it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::time::Duration;

use bulkhead_rendering::{RenderError, Renderer};
use serde_json::{Map, Value, json};

fn renderer() -> Renderer {
    // Longer than the processor limit, also if the machine is busy.
    Renderer::new(PathBuf::from(env!("CARGO_BIN_EXE_templates")), Duration::from_secs(60))
}

fn variables(values: Value) -> Map<String, Value> {
    values.as_object().expect("an object").clone()
}

/// Returns why a prompt template was refused when it was rendered.
async fn refused(source: &str, values: Value) -> String {
    match renderer().render(source, &variables(values)).await {
        Err(RenderError::Refused(reason)) => reason,
        other => panic!("{source:.60}: {other:?}"),
    }
}

#[tokio::test]
async fn renders_as_the_engine_does() {
    let text = renderer().render("Hello {{ name.upper() }} — é", &variables(json!({"name": "ada"}))).await;
    assert_eq!(text.expect("rendered"), "Hello ADA — é");
    assert_eq!(renderer().render("{% if x %}y{% endif %}", &Map::new()).await.expect("rendered"), "");
    assert!(renderer().check("{{ name | upper }}", None).await.is_ok());
}

#[tokio::test]
async fn reasons_of_the_engine_reach_the_author() {
    assert_eq!(
        refused("{{ nmae }}", json!({})).await,
        "line 1: a variable has no value; the template uses `nmae`"
    );
    let saved = renderer().check("a\n{{ name | uper }}", None).await.expect_err("refused");
    assert_eq!(saved.to_string(), "line 2: unknown filter `uper`: did you mean `upper`?");
    let deep = format!("{{{{ {}1 }}}}", "-".repeat(25_000));
    assert!(
        renderer()
            .check(&deep, None)
            .await
            .expect_err("refused")
            .to_string()
            .contains("operators and brackets")
    );
}

/// None of these can be stopped inside the engine.
#[tokio::test]
async fn limits_end_the_child_and_not_the_function() {
    let double = |name: &str| format!("{{% set n.{name} = [n.{name}, n.{name}] %}}");
    let doubled = format!(
        "{{% set n = namespace(a=[x], b=[x]) %}}{{% for i in range(40) %}}{}{}{{% endfor %}}",
        double("a"),
        double("b")
    );
    for (source, part) in [
        // 2^40 steps in one comparison, one text, one JSON document.
        (format!("{doubled}{{{{ n.a == n.b }}}}"), "too much"),
        (format!("{doubled}{{{{ n.a | string | length }}}}"), "too much"),
        (format!("{doubled}{{{{ n.a | tojson | length }}}}"), "too much"),
        // 300 MB in one text.
        ("{{ '{:>300000000}'.format(x) | length }}".to_owned(), "too much memory"),
        // An overflow: a panic of the engine.
        ("{{ x[::-9223372036854775808] }}".to_owned(), "out of range"),
    ] {
        let reason = refused(&source, json!({"x": "abc"})).await;
        assert!(reason.contains(part), "{source:.60}: {reason}");
    }
}

/// The largest templates that are accepted fit into the stack and the memory of the child.
#[tokio::test]
async fn limits_leave_room_for_large_templates() {
    let deepest = format!("{{{{ {}1{} }}}}", "(".repeat(70), ")".repeat(70));
    let chain = format!("{{{{ x{} }}}}", " ~ x".repeat(245));
    let blocks = format!("{}y{}", "{% if x %}".repeat(70), "{% endif %}".repeat(70));
    let branches = format!("{{% if x == 0 %}}{}{{% else %}}y{{% endif %}}", "{% elif x == 1 %}z".repeat(145));
    for source in [deepest, chain, blocks, branches] {
        renderer().check(&source, None).await.expect("accepted");
        renderer().render(&source, &variables(json!({"x": "abc"}))).await.expect("rendered");
    }
    let rows: Vec<_> = (0..3_000).map(|n| json!({"n": n, "text": "x".repeat(60)})).collect();
    let list = "{% for row in rows %}- {{ row.n }}: {{ row.text }}\n{% endfor %}";
    let text = renderer().render(list, &variables(json!({ "rows": rows }))).await.expect("rendered");
    assert!(text.len() > 200_000);
}

#[tokio::test]
async fn child_that_does_not_answer_is_killed() {
    let slow = Renderer::new(PathBuf::from(env!("CARGO_BIN_EXE_templates")), Duration::ZERO);
    let late = slow.render("x", &Map::new()).await.expect_err("no time");
    assert!(matches!(late, RenderError::Refused(_)), "{late:?}");
}

#[tokio::test]
async fn missing_program_is_not_the_authors_fault() {
    let missing = Renderer::new(PathBuf::from("/nowhere"), Duration::from_secs(60));
    assert!(matches!(missing.check("x", None).await, Err(RenderError::Confinement(_))));
}
