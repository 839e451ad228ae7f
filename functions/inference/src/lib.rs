//! Answers a question from a tenant's own documents, by a tenant's own template.

pub mod handlers;
pub mod model;
mod prompt;

use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;

/// The routes of this function.
pub struct InferenceApi {
    model: String,
}

impl InferenceApi {
    /// Answers with `model`, a Bedrock model id. The tenant role allows that foundation
    /// model in this Region; an inference profile would need more rights.
    pub fn new(model: String) -> Self {
        Self { model }
    }
}

impl Api for InferenceApi {
    async fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> Result<ApiResponse, ApiError> {
        match request.route() {
            ("POST", "/v1/inference") => handlers::infer(request, session, &self.model).await,
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
