//! The handler of the `infer` operation.

use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::documented::{
    BadRequest, NotFound, TemplateKeyText, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::names::TemplateKey;
use ring::digest::{SHA256, digest};

use crate::model::{
    Citation, Found, Infer, Inference, MAX_TOKENS, Message, RenderTemplate, RenderedTemplate, Search, Usage,
};
use crate::prompt::{self, Mark};
use crate::retrieval::{self, within};
use crate::template::{self, Wanted};

const MAX_BODY: usize = 256 * 1024;
const DEFAULT_TOKENS: u16 = 512;

/// Answers a question from the tenant's documents.
///
/// Renders the prompt template, finds the passages nearest to the question, and asks the model.
#[utoipa::path(
    post, path = "/v1/inference", operation_id = "infer", tag = "inference",
    request_body = Infer,
    responses(
        (status = 200, body = Inference, description = "The answer"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn infer(
    request: &ApiRequest,
    session: TenantSession<'_>,
    model: &str,
    renderer: &Renderer,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let infer: Infer = request.json(MAX_BODY)?;
    let key = TemplateKey::parse(&infer.template).map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let question = retrieval::question(&infer.question)?;
    let settings = retrieval::settings(&infer.retrieval)?;
    let max_tokens = within("max_tokens", infer.max_tokens.unwrap_or(DEFAULT_TOKENS), MAX_TOKENS)?;

    let wanted = Wanted { key, version: infer.version, label: infer.label, variables: infer.variables };
    let rendered = template::render(session, renderer, wanted).await?;
    let found = retrieval::passages(session, question, settings).await?;
    let mark = Mark::random().ok_or(ApiError::Fault)?;
    let prompt =
        prompt::build(session.tenant().as_str(), rendered.text, &found, Some(question), max_tokens, &mark);
    let answer = session.models().answer(model, &prompt).await?;

    Ok(ApiResponse::json(
        200,
        &Inference {
            answer: answer.text,
            template: rendered.template,
            citations: found.into_iter().map(Citation::from).collect(),
            model: model.to_owned(),
            usage: Usage { input_tokens: answer.input_tokens, output_tokens: answer.output_tokens },
            request_id: request.request_id().to_owned(),
        },
    ))
}

/// Returns the passages for a question, without an answer of a model.
///
/// The passages are the ones that `POST /v1/inference` puts into its prompt.
#[utoipa::path(
    post, path = "/v1/search", operation_id = "search", tag = "inference",
    request_body = Search,
    responses(
        (status = 200, body = Found, description = "The passages"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
    ),
)]
pub async fn search(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let search: Search = request.json(MAX_BODY)?;
    let question = retrieval::question(&search.question)?;
    let settings = retrieval::settings(&search.retrieval)?;
    let found = retrieval::passages(session, question, settings).await?;
    let passages = found.into_iter().map(Citation::from).collect();
    Ok(ApiResponse::json(200, &Found { passages, request_id: request.request_id().to_owned() }))
}

/// Renders a prompt template without asking the model.
///
/// Checks the variables as `POST /v1/inference` does, and returns the text and the messages that the model would
/// receive, without passages.
#[utoipa::path(
    post, path = "/v1/templates/{key}/render", operation_id = "renderTemplate", tag = "templates",
    params(("key" = TemplateKeyText, Path, description = "Key of the prompt template")),
    request_body = RenderTemplate,
    responses(
        (status = 200, body = RenderedTemplate, description = "The rendered prompt template"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn render(
    request: &ApiRequest,
    session: TenantSession<'_>,
    renderer: &Renderer,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    let RenderTemplate { version, label, variables, question } = request.json(MAX_BODY)?;
    let question = question.as_deref().map(retrieval::question).transpose()?;
    let wanted = Wanted { key, version, label, variables };
    let rendered = template::render(session, renderer, wanted).await?;
    let mark = Mark::random().ok_or(ApiError::Fault)?;
    let tenant = session.tenant().as_str();
    let prompt = prompt::build(tenant, rendered.text.clone(), &[], question, DEFAULT_TOKENS, &mark);
    let sha256 = digest(&SHA256, rendered.text.as_bytes());
    Ok(ApiResponse::json(
        200,
        &RenderedTemplate {
            template: rendered.template,
            text: rendered.text,
            sha256: sha256.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            messages: vec![
                Message { role: "system", content: vec![prompt.system.to_owned()] },
                Message { role: "user", content: prompt.user },
            ],
            request_id: request.request_id().to_owned(),
        },
    ))
}
