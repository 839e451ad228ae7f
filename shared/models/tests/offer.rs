//! A tenant uses the models that its settings allow, and no others.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bulkhead_models::{Catalogue, ModelName, NoChoice, Offer, Settings, SettingsError};
use proptest::prelude::*;

const CATALOGUE: &str = r#"[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "e", "kind": "embedding"}]"#;

fn name(text: &str) -> ModelName {
    ModelName::parse(text).expect("a name")
}

fn settings(allowed: Option<&[&str]>, default: Option<&str>, fallback: Option<&str>) -> Settings {
    Settings {
        allowed: allowed.map(|names| names.iter().map(|text| name(text)).collect()),
        default: default.map(name),
        fallback: fallback.map(name),
    }
}

fn offer(tier: Settings) -> Offer {
    Offer::new(Catalogue::parse(CATALOGUE).expect("a catalogue"), tier).expect("an offer")
}

/// Returns the names of the chosen model and its fallback.
fn chosen(
    offer: &Offer,
    tenant: &Settings,
    requested: Option<&str>,
) -> Result<(String, Option<String>), NoChoice> {
    let choice = offer.choose(tenant, requested)?;
    Ok((choice.model.id.to_string(), choice.fallback.map(|model| model.id.to_string())))
}

#[test]
fn settings_of_a_tenant_go_before_those_of_the_tier() {
    let offer = offer(settings(Some(&["a", "b"]), Some("b"), Some("a")));
    let of = |tenant: &Settings, requested| chosen(&offer, tenant, requested);
    let pair = |model: &str, fallback: Option<&str>| Ok((model.to_owned(), fallback.map(str::to_owned)));

    let tier = Settings::default();
    assert_eq!(of(&tier, None), pair("b", Some("a")));
    assert_eq!(of(&tier, Some("default")), pair("b", Some("a")));
    assert_eq!(of(&tier, Some("a")), pair("a", None), "a model is no fallback for itself");
    for refused in ["c", "e", "", "A", "b "] {
        assert_eq!(of(&tier, Some(refused)), Err(NoChoice::NotAllowed), "{refused}");
    }
    let own = settings(Some(&["c"]), None, None);
    assert_eq!(of(&own, None), pair("c", None), "the tier's default and fallback are not allowed");
    assert_eq!(of(&own, Some("b")), Err(NoChoice::NotAllowed));
    let own = settings(Some(&["b", "c"]), Some("c"), Some("b"));
    assert_eq!(of(&own, None), pair("c", Some("b")));
    let gone = settings(Some(&["gone"]), None, None);
    assert_eq!(of(&gone, None), Err(NoChoice::NoneLeft));
}

#[test]
fn settings_name_models_of_the_catalogue() {
    let offer = offer(settings(Some(&["a"]), None, None));
    for (tenant, error) in [
        (settings(Some(&["x"]), None, None), SettingsError::Unknown { field: "allowed", name: name("x") }),
        (settings(Some(&["e"]), None, None), SettingsError::Unknown { field: "allowed", name: name("e") }),
        (settings(Some(&[]), None, None), SettingsError::Empty),
        (settings(None, Some("b"), None), SettingsError::NotAllowed { field: "default", name: name("b") }),
        (
            settings(Some(&["b"]), None, Some("a")),
            SettingsError::NotAllowed { field: "fallback", name: name("a") },
        ),
    ] {
        assert_eq!(offer.check(&tenant), Err(error));
    }
    assert_eq!(offer.check(&settings(Some(&["b", "c"]), Some("b"), Some("c"))), Ok(()));
}

fn list() -> impl Strategy<Value = Option<Vec<ModelName>>> {
    let names = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    prop::option::of(names.prop_map(|names| names.into_iter().map(name).collect()))
}

fn named() -> impl Strategy<Value = Option<ModelName>> {
    prop::option::of(prop::sample::select(vec!["a", "b", "c"]).prop_map(name))
}

proptest! {
    /// For every pair of settings: the chosen model is on the list that counts, also the fallback.
    #[test]
    fn nothing_outside_the_list_answers(
        tier in list(), allowed in list(), default in named(), fallback in named(),
        requested in prop::option::of(prop::sample::select(vec!["a", "b", "c", "e", "x", "default"])),
    ) {
        let tier = Settings { allowed: tier, ..Settings::default() };
        let offer = offer(tier.clone());
        let tenant = Settings { allowed, default, fallback };
        let counts = tenant.allowed.clone().or(tier.allowed);
        let permitted = |id: &ModelName| counts.as_ref().is_none_or(|list| list.contains(id));
        match offer.choose(&tenant, requested) {
            Ok(choice) => {
                prop_assert!(permitted(&choice.model.id));
                if let Some(asked) = requested.filter(|asked| *asked != "default") {
                    prop_assert_eq!(choice.model.id.as_str(), asked);
                }
                if let Some(fallback) = choice.fallback {
                    prop_assert!(permitted(&fallback.id) && fallback.id != choice.model.id);
                }
            }
            Err(NoChoice::NotAllowed) => {
                let asked = requested.and_then(ModelName::parse).expect("a name");
                prop_assert!(offer.allowed(&tenant).all(|model| model.id != asked));
            }
            Err(NoChoice::NoneLeft) => {
                return Err(TestCaseError::fail("every list has a model of the catalogue"));
            }
        }
    }
}
