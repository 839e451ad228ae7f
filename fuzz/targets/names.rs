//! Any text as a name: it is rejected, or the derived names of two tenants stay separate.

#![no_main]

use bulkhead_tenancy::names::{
    ApiKeyId, Comparison, Corpus, DocumentId, EventId, ExternalId, IdempotencyKey, Ids, InferenceId, ModelName, RunId,
    TemplateKey, inventory,
};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode};
use libfuzzer_sys::fuzz_target;

const OTHER: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";

fuzz_target!(|texts: (&str, &str, &str, &str)| {
    let (tenant, template, document, corpus) = texts;
    let invocation = Invocation::begin();
    let admission = Admission::new(IsolationMode::PerTenant);
    let _ = admission.object(&invocation, "bucket", "bucket", tenant);
    let Ok(scope) = admission.request(&invocation, Some(tenant), Some(tenant)) else { return };
    let Ok(other) = admission.request(&invocation, Some(OTHER), Some(OTHER)) else { unreachable!() };
    if tenant == OTHER {
        return;
    }
    let document_text = document;
    let external = ExternalId::parse(document).or(ExternalId::parse("handbook"));
    let idempotency = IdempotencyKey::parse(document).or(IdempotencyKey::parse("order-7"));
    let template = TemplateKey::parse(template).or(TemplateKey::parse("summary"));
    let document = DocumentId::parse(document).or(DocumentId::parse(OTHER));
    let corpus = Corpus::parse(corpus).or(Corpus::parse("docs"));
    let run = RunId::parse(OTHER);
    let (inference, api_key) = (InferenceId::parse(OTHER), ApiKeyId::parse("0123456789abcdef"));
    let Ok(model) = ModelName::parse(document_text).or(ModelName::parse("amazon.nova-lite-v1:0")) else { unreachable!() };
    let (Ok(template), Ok(document), Ok(external), Ok(corpus)) = (template, document, external, corpus) else {
        unreachable!()
    };
    let (Ok(run), Ok(inference), Ok(api_key), Ok(idempotency)) = (run, inference, api_key, idempotency) else { unreachable!() };
    let stage = "prod".to_owned();
    let ids = Ids { stage, template, document, event: EventId::at(0, 0), external, idempotency, inference, run, api_key, corpus, model };
    let (mine, theirs) = (inventory(&scope, &ids), inventory(&other, &ids));
    for mine in &mine {
        for theirs in theirs.iter().filter(|theirs| theirs.kind == mine.kind) {
            assert_ne!(mine.text, theirs.text);
            if mine.comparison == Comparison::Prefix {
                assert!(!theirs.text.starts_with(&mine.text) && !mine.text.starts_with(&theirs.text));
            }
        }
    }
});
