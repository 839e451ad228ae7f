//! The handler of the `infer` operation.

use bulkhead_rendering::{RenderError, Renderer};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::documented::{
    BadRequest, NotFound, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::names::TemplateKey;

use crate::model::{Citation, Found, Infer, Inference, MAX_TOKENS, Search, TemplateVersion, Usage};
use crate::prompt::{self, Mark};
use crate::retrieval::{self, within};

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
    if infer.version == Some(0) {
        return Err(ApiError::BadRequest("`version` must be a whole number from 1".to_owned()));
    }
    let question = retrieval::question(&infer.question)?;
    let settings = retrieval::settings(&infer.retrieval)?;
    let max_tokens = within("max_tokens", infer.max_tokens.unwrap_or(DEFAULT_TOKENS), MAX_TOKENS)?;

    let template =
        session.templates().get(&key, infer.version).await?.ok_or(ApiError::NotFound("template"))?;
    let instructions =
        renderer.render(&template.body, &infer.variables).await.map_err(|error| refused(&key, error))?;
    let found = retrieval::passages(session, question, settings).await?;
    let mark = Mark::random().ok_or(ApiError::Fault)?;
    let prompt = prompt::build(session.tenant().as_str(), instructions, &found, question, max_tokens, &mark);
    let answer = session.models().answer(model, &prompt).await?;

    Ok(ApiResponse::json(
        200,
        &Inference {
            answer: answer.text,
            template: TemplateVersion { key: key.into(), version: template.version },
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

/// Returns the answer to a request whose prompt template was not rendered.
fn refused(key: &TemplateKey, error: RenderError) -> ApiError {
    match error {
        RenderError::Refused(reason) => ApiError::Unprocessable(format!("template `{key}`: {reason}")),
        error => {
            tracing::error!(error = chain(&error), "rendering failed");
            ApiError::Fault
        }
    }
}
