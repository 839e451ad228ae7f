//! Chooses the model of a request.

use bulkhead_models::{Capability, Choice, Model, NoChoice, Offer, Settings};
use bulkhead_runtime::http::ApiError;

use crate::generation::Generation;

/// What a request needs of its model.
pub(crate) struct Needs<'g> {
    pub(crate) generation: &'g Generation,
    /// Whether the answer comes in parts.
    pub(crate) streamed: bool,
}

/// Chooses the models of an answer: the one that the request names or the tenant's default, and the fallback.
///
/// # Errors
/// 422 if the tenant may not use the model, or if the model cannot do what the request needs.
pub(crate) fn choose<'o>(
    offer: &'o Offer,
    tenant: &'o Settings,
    requested: Option<&str>,
    needs: &Needs<'_>,
) -> Result<Choice<'o>, ApiError> {
    let choice = match offer.choose(tenant, requested) {
        Ok(choice) => choice,
        // The names are not the tenant's secret, and a name that the catalogue does not have gives the same answer.
        Err(NoChoice::NotAllowed) => {
            let allowed: Vec<_> = offer.allowed(tenant).map(|model| format!("`{}`", model.id)).collect();
            let detail = format!("`model` must be `default` or one of {}", allowed.join(", "));
            return Err(ApiError::Unprocessable(detail));
        }
        Err(NoChoice::NoneLeft) => {
            tracing::error!("no allowed model of the tenant is in the catalogue");
            return Err(ApiError::Fault);
        }
    };
    if let Some(defect) = needs.defect(choice.model) {
        return Err(ApiError::Unprocessable(defect));
    }
    Ok(Choice { fallback: choice.fallback.filter(|fallback| needs.defect(fallback).is_none()), ..choice })
}

impl Needs<'_> {
    /// Returns what the model cannot do.
    fn defect(&self, model: &Model) -> Option<String> {
        let Self { generation, streamed } = self;
        let wants_output = generation.wants_output();
        let id = &model.id;
        for (needed, capability, name) in [
            (*streamed, Capability::Streaming, "answer in parts"),
            (wants_output, Capability::Json, "answer in JSON"),
            (!wants_output && !generation.tools.is_empty(), Capability::Tools, "call tools"),
        ] {
            if needed && !model.can(capability) {
                return Some(format!("the model `{id}` cannot {name}: name another `model`"));
            }
        }
        let most =
            model.max_output.filter(|most| generation.max_tokens.is_some_and(|set| u32::from(set) > *most));
        most.map(|most| format!("`max_tokens` must be 1 to {most} for the model `{id}`"))
    }
}

#[cfg(test)]
mod tests {
    use bulkhead_models::Catalogue;
    use serde_json::json;

    use super::*;
    use crate::generation::Settings as Wanted;

    const CATALOGUE: &str = r#"[
        {"id": "all"},
        {"id": "plain", "capabilities": [], "max_output": 100},
        {"id": "other"}
    ]"#;

    fn offer() -> Offer {
        let name = |text| bulkhead_models::ModelName::parse(text).expect("a name");
        let settings =
            Settings { default: Some(name("all")), fallback: Some(name("plain")), ..Settings::default() };
        Offer::new(Catalogue::parse(CATALOGUE).expect("a catalogue"), settings).expect("an offer")
    }

    fn chosen(model: Option<&str>, wanted: Wanted, streamed: bool) -> Result<(String, bool), String> {
        let (offer, tenant) = (offer(), Settings::default());
        let generation = Generation::of(wanted).expect("settings");
        let needs = Needs { generation: &generation, streamed };
        let choice = choose(&offer, &tenant, model, &needs).map_err(|error| error.to_string())?;
        Ok((choice.model.id.to_string(), choice.fallback.is_some()))
    }

    #[test]
    fn a_model_does_what_the_request_needs() {
        let plain = Wanted::default;
        let tool = json!({"name": "a", "input_schema": {"type": "object"}});
        let tools =
            || Wanted { tools: vec![serde_json::from_value(tool.clone()).expect("a tool")], ..plain() };
        let schema = json!({"schema": {"type": "object", "properties": {"a": {"type": "string"}}}});
        let output = || Wanted { output: serde_json::from_value(schema.clone()).ok(), ..plain() };
        let tokens = |max_tokens| Wanted { max_tokens: Some(max_tokens), ..plain() };

        assert_eq!(chosen(None, plain(), false), Ok(("all".into(), true)));
        assert_eq!(chosen(Some("plain"), plain(), false), Ok(("plain".into(), false)));
        assert_eq!(chosen(Some("plain"), tokens(100), false), Ok(("plain".into(), false)));
        for (wanted, streamed, defect) in [
            (plain(), true, "cannot answer in parts"),
            (output(), false, "cannot answer in JSON"),
            (tools(), false, "cannot call tools"),
            (tokens(101), false, "`max_tokens` must be 1 to 100"),
        ] {
            let again = Wanted { max_tokens: wanted.max_tokens, ..plain() };
            let fallback = chosen(None, again, streamed).expect("the default can do all").1;
            assert_eq!(fallback, !streamed && wanted.max_tokens.is_none(), "a fallback can do the same");
            let error = chosen(Some("plain"), wanted, streamed).expect_err(defect);
            assert!(error.contains(defect), "{error}");
        }
    }

    #[test]
    fn a_refusal_lists_the_allowed_models() {
        let error = chosen(Some("unknown"), Wanted::default(), false).expect_err("unknown");
        assert_eq!(error, "`model` must be `default` or one of `all`, `plain`, `other`");
    }
}
