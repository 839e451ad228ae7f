//! A catalogue is read exactly as it is written, or refused with the place of its defect.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_models::{Capability, Catalogue, Kind, ModelName, Provider};
use proptest::prelude::*;

fn refusal(text: &str) -> String {
    Catalogue::parse(text).expect_err(text).to_string()
}

#[test]
fn only_the_id_is_required() {
    let catalogue = Catalogue::parse(r#"[{"id": "amazon.nova-lite-v1:0"}]"#).expect("a catalogue");
    let model = catalogue.get("amazon.nova-lite-v1:0").expect("the model");
    assert_eq!(
        (model.provider, model.kind, model.model.as_str()),
        (Provider::Bedrock, Kind::Chat, model.id.as_str())
    );
    assert_eq!((model.context, model.max_output, model.price()), (None, None, None));
    let capabilities: Vec<_> = model.capabilities().collect();
    assert_eq!(capabilities, [Capability::Json, Capability::Streaming, Capability::Tools]);
    let named = ModelName::parse("amazon.nova-lite-v1:0").expect("a name");
    assert_eq!(catalogue, Catalogue::of(named));
    assert!(catalogue.get("default").is_none() && catalogue.get("").is_none());
}

#[test]
fn every_field_is_read() {
    let catalogue = Catalogue::parse(
        r#"[{"id": "small", "provider": "openai", "model": "org/small:8b", "kind": "chat", "context": 8192,
             "max_output": 1024, "capabilities": ["tools"], "price": {"input": "0.06", "output": "1"}},
            {"id": "near", "kind": "embedding", "context": 8192, "price": {"input": "0.02"}}]"#,
    )
    .expect("a catalogue");
    let small = catalogue.get("small").expect("the model");
    assert_eq!((small.provider, small.model.as_str()), (Provider::Openai, "org/small:8b"));
    assert_eq!((small.context, small.max_output), (Some(8_192), Some(1_024)));
    assert!(
        small.can(Capability::Tools) && !small.can(Capability::Json) && !small.can(Capability::Streaming)
    );
    let price = small.price().expect("a price");
    assert_eq!((price.input, price.output), (60_000, 1_000_000));
    let near = catalogue.get("near").expect("the model");
    assert_eq!((near.kind, near.price().map(|price| price.output)), (Kind::Embedding, Some(0)));
    assert_eq!(catalogue.chat_models().count(), 1);
}

#[test]
fn a_defect_is_named_with_its_place() {
    for (text, parts) in [
        ("", vec!["EOF"]),
        ("{}", vec!["expected a sequence"]),
        ("[]", vec!["no model has the kind `chat`"]),
        (r#"[{"id": "a", "kind": "embedding"}]"#, vec!["no model has the kind `chat`"]),
        (r#"[{"id": "a"}] x"#, vec!["`end`", "trailing characters"]),
        (r#"[{"id": "a"}, {}]"#, vec!["`[1]`", "missing field `id`"]),
        (r#"[{"id": "a"}, {"id": "a"}]"#, vec!["`[1]` (a)", "`id` is repeated"]),
        (r#"[{"id": "a", "id": "b"}]"#, vec!["duplicate field `id`"]),
        (r#"[{"id": "a", "contxt": 1}]"#, vec!["`[0].contxt`", "unknown field `contxt`"]),
        (r#"[{"id": "a b"}]"#, vec!["`[0].id`", "a name has 1 to 256"]),
        (r#"[{"id": ""}]"#, vec!["`[0].id`", "a name has 1 to 256"]),
        (r#"[{"id": "default"}]"#, vec!["`[0]` (default)", "must not be `default`"]),
        (r#"[{"id": "a", "provider": "azure"}]"#, vec!["`[0].provider`", "expected `bedrock` or `openai`"]),
        (r#"[{"id": "a", "kind": "image"}]"#, vec!["`[0].kind`", "expected `chat` or `embedding`"]),
        (r#"[{"id": "a", "context": -1}]"#, vec!["`[0].context`"]),
        (r#"[{"id": "a", "context": 0}]"#, vec!["`[0]` (a)", "at least 1"]),
        (r#"[{"id": "a", "context": 8, "max_output": 9}]"#, vec!["`max_output` is larger"]),
        (r#"[{"id": "a", "capabilities": ["vision"]}]"#, vec!["`[0].capabilities[0]`", "unknown variant"]),
        (r#"[{"id": "a", "capabilities": ["json", "json"]}]"#, vec!["a capability is repeated"]),
        (r#"[{"id": "a", "kind": "embedding", "capabilities": []}]"#, vec!["no `max_output`"]),
        (r#"[{"id": "a", "kind": "embedding", "price": {"input": "1", "output": "1"}}]"#, vec!["no price"]),
        (r#"[{"id": "a", "price": {"input": 0.06, "output": "1"}}]"#, vec!["`[0].price.input`", "string"]),
        (r#"[{"id": "a", "price": {"input": "0.0000001"}}]"#, vec!["`[0].price.input`", "up to 6 digits"]),
        (r#"[{"id": "a", "price": {"output": "1"}}]"#, vec!["`[0].price`", "missing field `input`"]),
    ] {
        let error = refusal(text);
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

proptest! {
    /// Reading arbitrary text never panics, and every accepted catalogue has a chat model and no repeated name.
    #[test]
    fn an_accepted_catalogue_is_consistent(ids in prop::collection::vec("[a-c]{1,2}", 0..5), chat in any::<bool>()) {
        let kind = if chat { "chat" } else { "embedding" };
        let entries: Vec<_> = ids.iter().map(|id| format!(r#"{{"id": "{id}", "kind": "{kind}"}}"#)).collect();
        let distinct = ids.iter().collect::<std::collections::BTreeSet<_>>().len() == ids.len();
        let parsed = Catalogue::parse(&format!("[{}]", entries.join(",")));
        prop_assert_eq!(parsed.is_ok(), distinct && chat && !ids.is_empty());
        if let Ok(catalogue) = parsed {
            let read: Vec<_> = catalogue.models().map(|model| model.id.as_str().to_owned()).collect();
            prop_assert_eq!(read, ids);
        }
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in any::<String>()) {
        let _ = Catalogue::parse(&text);
        let _ = ModelName::parse(&text);
    }
}
