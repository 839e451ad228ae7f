//! The handler of the `infer` operation.

use bulkhead_rendering::{RenderError, Renderer};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, Problem};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::names::TemplateKey;

use crate::model::{
    Citation, Infer, Inference, MAX_PASSAGES, MAX_QUESTION, MAX_TOKENS, TemplateVersion, Usage,
};
use crate::prompt::{self, Mark};

const MAX_BODY: usize = 256 * 1024;
const DEFAULT_PASSAGES: u8 = 4;
const DEFAULT_TOKENS: u16 = 512;

/// Answers a question from the tenant's documents.
#[utoipa::path(
    post, path = "/v1/inference", operation_id = "infer", tag = "inference",
    request_body = Infer,
    responses(
        (status = 200, body = Inference),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "The prompt template does not exist"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The prompt template cannot be rendered, or the model does not accept the prompt"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The service is busy; wait the seconds in `Retry-After`"),
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
    let question = question(&infer.question)?;
    let passages =
        within("retrieval.limit", infer.retrieval.limit.unwrap_or(DEFAULT_PASSAGES), MAX_PASSAGES)?;
    let max_tokens = within("max_tokens", infer.max_tokens.unwrap_or(DEFAULT_TOKENS), MAX_TOKENS)?;

    let template =
        session.templates().get(&key, infer.version).await?.ok_or(ApiError::NotFound("template"))?;
    let instructions =
        renderer.render(&template.body, &infer.variables).await.map_err(|error| refused(&key, error))?;
    let query = session.models().embed(question).await?;
    let found = session.passages().nearest(&query, passages).await?;
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

fn question(text: &str) -> Result<&str, ApiError> {
    let question = text.trim();
    match question.chars().count() {
        1..=MAX_QUESTION if !prompt::is_blank(question) => Ok(question),
        _ => Err(ApiError::BadRequest(format!("`question` must have 1 to {MAX_QUESTION} characters"))),
    }
}

fn within<T: PartialOrd + From<u8> + std::fmt::Display>(
    name: &str,
    value: T,
    maximum: T,
) -> Result<T, ApiError> {
    if value >= T::from(1) && value <= maximum {
        Ok(value)
    } else {
        Err(ApiError::BadRequest(format!("`{name}` must be 1 to {maximum}")))
    }
}
