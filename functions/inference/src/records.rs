//! The records of inferences.

use bulkhead_runtime::chain;
use bulkhead_runtime::http::documented::{BadRequest, InferenceIdText, NotFound};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{Answer, Match, StoreError, TenantSession};
use bulkhead_tenancy::names::InferenceId;

use crate::model::{
    CallOfTool, ChatMessage, ChatRole, InferenceRecord, Recorded, RecordedContent, RecordedPassage,
    TemplateVersion, Usage,
};
use crate::prompt;

/// A completed inference.
pub(crate) struct Completed<'c> {
    pub(crate) created_by: Option<&'c str>,
    pub(crate) template: Option<&'c TemplateVersion>,
    pub(crate) prompt_sha256: &'c str,
    pub(crate) model: &'c str,
    pub(crate) fallback_for: Option<&'c str>,
    pub(crate) usage: Usage,
    pub(crate) passages: &'c [Match],
    pub(crate) answer: &'c Answer,
    /// The messages, if the request says `store`.
    pub(crate) stored: Option<&'c [ChatMessage]>,
}

/// Returns the id of a new inference.
pub(crate) fn new_id() -> Result<InferenceId, ApiError> {
    InferenceId::parse(&uuid::Uuid::now_v7().simple().to_string()).map_err(|error| {
        tracing::error!(%error, "inference id malformed");
        ApiError::Fault
    })
}

/// Records an inference.
///
/// The answer is paid and may take a long time to repeat. So it is returned also if its record cannot be written; then
/// a log line says so, and the id is not found.
pub(crate) async fn keep(session: TenantSession<'_>, id: &InferenceId, completed: Completed<'_>) {
    let written = match serde_json::to_value(Recorded::from(completed)) {
        Ok(content) => session.inferences().put(id, &content).await,
        Err(error) => Err(StoreError::corrupt("record inference", error.to_string())),
    };
    if let Err(error) = written {
        tracing::error!(error = chain(&error), "inference not recorded");
    }
}

/// Returns the messages of the stored inference `id` and its answer, which a question continues.
///
/// # Errors
/// 400 if `id` is no id, 404 if the inference does not exist, 422 if its record has no messages.
pub(crate) async fn conversation(session: TenantSession<'_>, id: &str) -> Result<Vec<ChatMessage>, ApiError> {
    let id =
        InferenceId::parse(id).map_err(|error| ApiError::BadRequest(format!("`conversation`: {error}")))?;
    let RecordedContent { mut messages, answer, tool_calls } =
        read(session, &id).await?.recorded.content.ok_or_else(|| {
            let problem = "`conversation`: its messages were not kept; ask with `\"store\": true`";
            ApiError::Unprocessable(problem.to_owned())
        })?;
    let content = Some(answer).filter(|text| !prompt::is_blank(text));
    // A model may end without a text, for example if it stops at once.
    if content.is_some() || !tool_calls.is_empty() {
        messages.push(ChatMessage { role: ChatRole::Assistant, content, tool_calls, tool_call_id: None });
    }
    Ok(messages)
}

async fn read(session: TenantSession<'_>, id: &InferenceId) -> Result<InferenceRecord, ApiError> {
    let stored = session.inferences().get(id).await?.ok_or(ApiError::NotFound("inference"))?;
    let recorded: Recorded = serde_json::from_value(stored.content)
        .map_err(|error| StoreError::corrupt("read inference", error.to_string()))?;
    Ok(InferenceRecord { id: id.as_str().to_owned(), created_at: stored.created_at.to_string(), recorded })
}

/// Returns the record of an inference.
///
/// Says which prompt template, model and passages an answer is based on. A record is kept for 30 days.
#[utoipa::path(
    get, path = "/v1/inferences/{id}", operation_id = "getInference", tag = "inference",
    params(("id" = InferenceIdText, Path, description = "Id of the inference")),
    responses(
        (status = 200, body = InferenceRecord, description = "The record"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", InferenceId::parse)?;
    Ok(ApiResponse::json(200, &read(session, &id).await?))
}

/// Deletes the record of an inference, with the stored messages and the answer.
#[utoipa::path(
    delete, path = "/v1/inferences/{id}", operation_id = "deleteInference", tag = "inference",
    params(("id" = InferenceIdText, Path, description = "Id of the inference")),
    responses(
        (status = 204, description = "The record is deleted"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", InferenceId::parse)?;
    match session.inferences().delete(&id).await? {
        true => Ok(ApiResponse::no_content()),
        false => Err(ApiError::NotFound("inference")),
    }
}

impl From<Completed<'_>> for Recorded {
    fn from(completed: Completed<'_>) -> Self {
        let answer = completed.answer;
        let content = completed.stored.map(|messages| RecordedContent {
            messages: messages.to_vec(),
            answer: answer.text.clone(),
            tool_calls: answer.calls.iter().cloned().map(CallOfTool::from).collect(),
        });
        let passage = |found: &Match| RecordedPassage {
            document: found.document.as_str().to_owned(),
            revision: found.revision.number(),
            chunk: found.number,
            score: found.score,
        };
        Self {
            created_by: completed.created_by.map(str::to_owned),
            template: completed.template.cloned(),
            prompt_sha256: completed.prompt_sha256.to_owned(),
            model: completed.model.to_owned(),
            fallback_for: completed.fallback_for.map(str::to_owned),
            finish_reason: answer.finish.into(),
            usage: completed.usage,
            passages: completed.passages.iter().map(passage).collect(),
            content,
        }
    }
}
