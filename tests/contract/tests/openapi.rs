//! `docs/openapi.json` is generated from the handlers of all functions.

use std::path::PathBuf;

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bulkhead",
        version = "1",
        description = "Prompt templates, documents and answers for one tenant: the tenant of the bearer token. \
            Requests for another tenant's data return 404.",
    ),
    paths(
        templates::handlers::list,
        templates::handlers::get,
        templates::handlers::put,
        templates::handlers::delete,
        documents::handlers::list,
        documents::handlers::create,
        documents::handlers::upload,
        documents::handlers::get,
        documents::handlers::delete,
        documents::handlers::replace,
        documents::handlers::replace_upload,
        documents::dead_letters::list,
        documents::dead_letters::redrive,
        documents::dead_letters::redrive_all,
        inference::handlers::infer,
        openapi,
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
)]
struct Service;

/// Returns this OpenAPI document.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "getOpenApi", tag = "service",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json")),
)]
#[expect(dead_code, reason = "only its attribute is read")]
fn openapi() {}

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

#[test]
fn checked_in_document_matches_the_code() {
    let generated = Service::openapi().to_pretty_json().expect("a document") + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &generated).expect("docs/openapi.json can be written");
    }
    let checked_in = std::fs::read_to_string(&path).expect("docs/openapi.json");
    assert!(
        checked_in == generated,
        "docs/openapi.json is out of date; run `make openapi` and review the diff"
    );
}

#[test]
fn every_operation_needs_a_token() {
    let document = serde_json::to_value(Service::openapi()).expect("a document");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert_eq!(document["security"], serde_json::json!([{"bearer": []}]));
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 11);
    for operations in paths.values() {
        for operation in operations.as_object().expect("operations").values() {
            assert!(operation.get("security").is_none(), "an operation overrides `security`: {operation}");
        }
    }
}
