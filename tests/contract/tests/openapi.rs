//! `docs/openapi.json` is generated from the handlers of all functions.

use std::path::PathBuf;

use bulkhead_runtime::http::{Api, Problem, Route, documented};
use bulkhead_tenancy::Role;
use bulkhead_tenancy::names::{
    ApiKeyId, DocumentId, ExternalId, IdempotencyKey, InferenceId, Label, TemplateKey,
};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::{ServerBuilder, ServerVariableBuilder};
use utoipa::openapi::{PathItem, Ref, RefOr, Required};
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
        templates::diff::get,
        templates::handlers::versions,
        templates::labels::list,
        templates::labels::put,
        templates::labels::delete,
        templates::handlers::put,
        templates::handlers::delete,
        templates::keys::list,
        templates::keys::create,
        templates::keys::get,
        templates::keys::delete,
        templates::keys::rotate,
        documents::handlers::list,
        documents::handlers::create,
        documents::handlers::upload,
        documents::handlers::get,
        documents::handlers::delete,
        documents::handlers::replace,
        documents::handlers::patch,
        documents::handlers::replace_upload,
        documents::batch::create,
        documents::batch::delete,
        documents::by_filter::delete,
        documents::content::source,
        documents::content::passages,
        documents::external::get,
        documents::external::put,
        documents::external::upload,
        documents::dead_letters::list,
        documents::dead_letters::redrive,
        documents::dead_letters::redrive_all,
        inference::handlers::infer,
        inference::handlers::stream,
        inference::records::get,
        inference::records::delete,
        inference::openai::chat::complete,
        inference::openai::embeddings::create,
        inference::openai::models::list,
        inference::handlers::search,
        inference::handlers::render,
        inference::usage::get,
        openapi,
    ),
    components(schemas(Problem, inference::usage::DayText, inference::usage::GroupsText, documents::schemas::ShownStatus, documents::schemas::ListedType, documents::schemas::MetadataEquals, documented::DocumentIdText, documented::ExternalIdText, documented::InferenceIdText, documented::WordText, documented::TemplateKeyText, documented::LabelText, documented::ApiKeyIdText, documented::IdempotencyKeyText, documented::RoleText, documented::ETagText, documented::TitleText), responses(
        documented::BadRequest,
        documented::Unauthorized,
        documented::Forbidden,
        documented::NotFound,
        documented::Conflict,
        documented::PreconditionRequired,
        documented::TooLarge,
        documented::UnsupportedMediaType,
        documented::Unprocessable,
        documented::TooManyRequests,
        documented::InternalError,
        documented::Unavailable,
        documented::Timeout,
    )),
    modifiers(&Bearer, &Deployments, &IdempotencyKeys, &ErrorsOfEveryOperation, &HeadersHaveNoNull, &RateLimits, &Roles),
    security(("bearer" = [])),
    tags(
        (name = "templates", description = "Prompt templates: immutable versions under a key"),
        (name = "documents", description = "Documents, their indexing and their dead letters"),
        (name = "openai", description = "The interface of OpenAI's clients"),
        (name = "inference", description = "Answers from the tenant's documents"),
        (name = "keys", description = "API keys: credentials of machines"),
        (name = "service", description = "The service itself"),
    ),
)]
struct Service;

/// Returns this OpenAPI document.
///
/// It is the same for every tenant.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "getOpenApi", tag = "service",
    responses((
        status = 200, body = serde_json::Value, description = "The OpenAPI document", content_type = "application/json",
    )),
)]
#[expect(dead_code, reason = "only its attribute is read")]
fn openapi() {}

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let description = "A token of the deployment's issuer, whose claims name the tenant, the tier and the role; or an \
            API key of the tenant.";
        let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT or API key");
        let scheme = SecurityScheme::Http(http.description(Some(description)).build());
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

struct Deployments;

impl Modify for Deployments {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let variable = |value: &str, description: &str| {
            ServerVariableBuilder::new().default_value(value).description(Some(description))
        };
        let server = ServerBuilder::new()
            .url("https://{api}.execute-api.{region}.amazonaws.com/api")
            .description(Some("A tier of a deployment: the stack's output `BasicApiUrl` or `PremiumApiUrl`"))
            .parameter("api", variable("a1b2c3d4e5", "Id of the tier's API"))
            .parameter("region", variable("eu-central-1", "AWS Region of the deployment"));
        document.servers = Some(vec![server.build()]);
    }
}

/// Adds the errors that every operation can return, unless the operation describes them itself.
struct ErrorsOfEveryOperation;

impl Modify for ErrorsOfEveryOperation {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for operation in document.paths.paths.values_mut().flat_map(operations) {
            let responses = &mut operation.responses.responses;
            for (status, name) in documented::EVERYWHERE {
                let common = || RefOr::Ref(Ref::from_response_name(name));
                responses.entry(status.to_owned()).or_insert_with(common);
            }
        }
    }
}

/// Adds the fields about the tenant's limits to the answers of the functions.
struct RateLimits;

#[expect(clippy::expect_used, reason = "a test fails by panicking")]
impl Modify for RateLimits {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        // Answers of API Gateway have no such fields.
        let of_gateway = ["Unauthorized", "Timeout"];
        let shared = &mut document.components.as_mut().expect("components").responses;
        let shared = shared.iter_mut().filter(|(name, _)| !of_gateway.contains(&name.as_str()));
        let operations = document.paths.paths.values_mut().flat_map(operations);
        let own = operations.flat_map(|operation| operation.responses.responses.values_mut());
        for response in shared.map(|(_, response)| response).chain(own) {
            let RefOr::T(response) = response else { continue };
            for (name, description) in [
                (
                    "RateLimit-Policy",
                    "The tenant's limits: `q` is the quota, `qu` its unit (default: requests), `w` the window in \
                     seconds. Names: `rate`; `daily-tokens`, `daily-money`, `monthly-tokens` and `monthly-money` if \
                     the request used a budget. `draft-ietf-httpapi-ratelimit-headers-11`",
                ),
                (
                    "RateLimit",
                    "What is left of them: `r` is the rest of the quota, `t` seconds until it is whole",
                ),
            ] {
                let schema = Object::with_type(Type::String);
                let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
                response.headers.insert(name.to_owned(), RefOr::T(header));
            }
        }
    }
}

/// Describes `Idempotency-Key` for each operation that takes it: the header, its errors, and the header of a repeat.
struct IdempotencyKeys;

impl Modify for IdempotencyKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for route in routes().iter().filter(|route| route.takes_idempotency_key()) {
            let operation = operation_of(document, route);
            let key = ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(
                    "A repeat of the request with this key within 24 hours gets the same answer",
                ))
                .schema(Some(Ref::from_schema_name("IdempotencyKey")));
            operation.parameters.get_or_insert_default().push(RefOr::T(key.build()));
            let responses = &mut operation.responses.responses;
            for (status, name) in [("400", "BadRequest"), ("409", "Conflict"), ("422", "Unprocessable")] {
                let refused = || RefOr::Ref(Ref::from_response_name(name));
                responses.entry(status.to_owned()).or_insert_with(refused);
            }
            let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["true"]));
            let repeated = HeaderBuilder::new()
                .schema(Some(text))
                .description(Some("Present if this is the answer of an earlier request with the same key"))
                .build();
            for (status, response) in responses.iter_mut() {
                if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
                    response.headers.insert("Idempotency-Replayed".to_owned(), RefOr::T(repeated.clone()));
                }
            }
        }
    }
}

/// Says which role each operation needs, in its description and as `x-required-role`.
struct Roles;

impl Modify for Roles {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for route in routes() {
            let operation = operation_of(document, &route);
            let needs = format!("Needs the role `{}`.", route.role);
            operation.description = Some(match operation.description.take() {
                Some(text) if !text.is_empty() => format!("{text}\n\n{needs}"),
                _ => needs,
            });
            let role = ExtensionsBuilder::new().add("x-required-role", route.role.as_str()).build();
            operation.extensions.get_or_insert_default().merge(role);
        }
    }
}

#[expect(clippy::expect_used, reason = "a test fails by panicking")]
fn operation_of<'d>(document: &'d mut utoipa::openapi::OpenApi, route: &Route) -> &'d mut Operation {
    let item = document.paths.paths.get_mut(route.resource).expect("a documented resource");
    let operation = match route.method {
        "GET" => item.get.as_mut(),
        "PUT" => item.put.as_mut(),
        "POST" => item.post.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    };
    operation.expect("a documented operation")
}

/// Returns the routes of all functions.
fn routes() -> Vec<Route> {
    [documents::DocumentsApi::ROUTES, inference::InferenceApi::ROUTES, templates::TemplatesApi::ROUTES]
        .concat()
}

/// Removes `null` from the schemas of header parameters: a header is absent or has a text.
struct HeadersHaveNoNull;

#[expect(clippy::expect_used, reason = "a test fails by panicking")]
impl Modify for HeadersHaveNoNull {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for operation in document.paths.paths.values_mut().flat_map(operations) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(header) = parameter
                    && header.parameter_in == ParameterIn::Header
                {
                    let schema = serde_json::to_value(&header.schema).expect("a schema");
                    header.schema = serde_json::from_value(without_null(schema)).expect("a schema");
                }
            }
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "a missing member of JSON is null")]
fn without_null(mut schema: serde_json::Value) -> serde_json::Value {
    if let Some([one, serde_json::Value::String(null)]) = schema["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        schema["type"] = one.clone();
    }
    match schema["oneOf"].as_array().map(Vec::as_slice) {
        Some([one, null]) if null["type"] == "null" => one.clone(),
        _ => schema,
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.patch, &mut path.post, &mut path.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

#[test]
fn functions_have_exactly_the_documented_routes() {
    let document = serde_json::to_value(Service::openapi()).expect("a document");
    let mut documented: Vec<_> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().expect("operations").keys().map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let mut served: Vec<_> =
        routes().iter().map(|route| (route.method.to_owned(), route.resource.to_owned())).collect();
    documented.sort();
    served.sort();
    assert_eq!(served, documented);
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

/// The document says the role that the function checks, and a reader changes nothing.
#[test]
fn every_operation_names_the_role_of_its_route() {
    let document = serde_json::to_value(Service::openapi()).expect("a document");
    // Asking, searching and rendering change no data.
    let questions = [
        "/v1/inference",
        "/v1/inference/stream",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/search",
        "/v1/templates/{key}/render",
    ];
    for route in routes() {
        let operation = &document["paths"][route.resource][route.method.to_lowercase()];
        assert_eq!(operation["x-required-role"], route.role.as_str(), "{route:?}");
        let needs = format!("Needs the role `{}`.", route.role);
        assert!(operation["description"].as_str().is_some_and(|text| text.ends_with(&needs)), "{route:?}");
        let only_reads = route.method == "GET" || questions.contains(&route.resource);
        assert!(only_reads || route.role >= Role::Writer, "a reader may change data: {route:?}");
    }
}

/// Every operation takes an idempotency key, except those that change nothing and do not ask the model.
#[test]
fn every_write_and_every_question_takes_an_idempotency_key() {
    let document = serde_json::to_value(Service::openapi()).expect("a document");
    let repeatable = ["/v1/embeddings", "/v1/search", "/v1/templates/{key}/render"];
    for route in routes() {
        let operation = &document["paths"][route.resource][route.method.to_lowercase()];
        let documented = operation["parameters"].as_array().is_some_and(|parameters| {
            parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key")
        });
        let is_read = route.method == "GET" || repeatable.contains(&route.resource);
        assert_eq!(documented, !is_read, "{route:?}");
    }
}

/// A key cannot create a key of a higher role than its own: only the highest role creates keys.
#[test]
fn only_the_highest_role_manages_keys() {
    let managing: Vec<_> =
        routes().into_iter().filter(|route| route.resource.starts_with("/v1/keys")).collect();
    assert_eq!(managing.len(), 5);
    for route in managing {
        assert_eq!(Some(route.role), Role::ALL.into_iter().max(), "{route:?}");
    }
}

#[test]
fn every_operation_needs_a_token() {
    let document = serde_json::to_value(Service::openapi()).expect("a document");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert_eq!(document["security"], serde_json::json!([{"bearer": []}]));
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 33);
    for operations in paths.values() {
        for operation in operations.as_object().expect("operations").values() {
            assert!(operation.get("security").is_none(), "an operation overrides `security`: {operation}");
        }
    }
}

/// The pattern of a name, and the function that reads it, accept the same texts.
#[test]
fn patterns_accept_what_the_names_accept() {
    let document = serde_json::to_value(Service::openapi()).expect("a document");
    let pattern = |name: &str| {
        let pattern = document["components"]["schemas"][name]["pattern"].as_str().expect("a pattern");
        regex::Regex::new(pattern).expect("a regular expression")
    };
    let inference = pattern("InferenceId");
    for text in ["0192f3c5b7a07e0e9d3a5c1b2d4e6f80", "", "0192F3C5b7a07e0e9d3a5c1b2d4e6f80", "x"] {
        assert_eq!(inference.is_match(text), InferenceId::parse(text).is_ok(), "{text:?}");
    }
    let (id, key, label) = (pattern("DocumentId"), pattern("TemplateKey"), pattern("Label"));
    let (api_key, role) = (pattern("ApiKeyId"), pattern("Role"));
    let external = pattern("ExternalId");
    let idempotency = pattern("IdempotencyKey");
    for text in ["order-7", "a#/~!", "", "a b", "a\\b", "a\"b", "ä", &"x".repeat(255), &"x".repeat(256)] {
        assert_eq!(idempotency.is_match(text), IdempotencyKey::parse(text).is_ok(), "{text:?}");
        let quoted = format!("\"{text}\"");
        assert_eq!(idempotency.is_match(&quoted), IdempotencyKey::parse(text).is_ok(), "{quoted:?}");
    }
    let long = |length: usize| "a".repeat(length);
    let mut texts: Vec<String> =
        ["", "a", "-", "a-", "_a", "a_b-c", "A", "a b", "ä", "a\n", "a/b", "a.b", "7", "0-9"]
            .map(str::to_owned)
            .into();
    texts.extend([31, 32, 33, 63, 64, 65, 66, 127, 128, 129].map(long));
    texts.extend(["a:b", "a@b", "a~b", "a%b", ".a", "..", "a\\b"].map(str::to_owned));
    texts.extend([
        format!("{}g", long(31)),
        format!("{}A", long(31)),
        format!("{}-", long(62)),
        "0".repeat(32),
        "0".repeat(16),
        "0".repeat(17),
        "reader".to_owned(),
        "admin".to_owned(),
        "Writer".to_owned(),
    ]);
    for text in texts {
        assert_eq!(id.is_match(&text), DocumentId::parse(&text).is_ok(), "document id {text:?}");
        assert_eq!(key.is_match(&text), TemplateKey::parse(&text).is_ok(), "template key {text:?}");
        assert_eq!(external.is_match(&text), ExternalId::parse(&text).is_ok(), "external id {text:?}");
        assert_eq!(label.is_match(&text), Label::parse(&text).is_ok(), "label {text:?}");
        assert_eq!(api_key.is_match(&text), ApiKeyId::parse(&text).is_ok(), "API key id {text:?}");
        assert_eq!(role.is_match(&text), Role::parse(&text).is_some(), "role {text:?}");
    }
    // A pattern cannot leave out one word; the description names it.
    assert!(label.is_match("latest") && Label::parse("latest").is_err());
}
