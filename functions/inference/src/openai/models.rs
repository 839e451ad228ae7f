//! `GET /v1/models`.

use bulkhead_runtime::http::documented::BadRequest;
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;
use serde::Serialize;
use utoipa::ToSchema;

/// The models that a tenant can use.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    pub object: &'static str,
    /// The models: the one that answers, and the one that embeds.
    pub data: Vec<ModelEntry>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelEntry {
    /// The `model` of requests.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// When the model was made, in seconds since 1970. Not known, so always 0.
    pub created: u64,
    /// Where the model runs.
    pub owned_by: &'static str,
}

/// Lists the models that the tenant can use.
#[utoipa::path(
    get, path = "/v1/models", operation_id = "listModels", tag = "openai",
    responses(
        (status = 200, body = ModelList, description = "The models"),
        (status = 400, response = BadRequest),
    ),
)]
pub async fn list(
    request: &ApiRequest,
    session: TenantSession<'_>,
    model: &str,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let embedding = session.models().embedding_model().await?;
    let entry = |id: String| ModelEntry { id, object: "model", created: 0, owned_by: "bedrock" };
    let data = vec![entry(model.to_owned()), entry(embedding)];
    Ok(ApiResponse::json(200, &ModelList { object: "list", data }))
}
