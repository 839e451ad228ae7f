//! The `inference` function: answers a question from a tenant's documents with a tenant's
//! prompt template.

pub mod handlers;
pub mod model;
mod prompt;
mod ranking;
mod retrieval;
mod template;

use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse, Route};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::Role;

/// The routes of this function.
pub struct InferenceApi {
    model: String,
    renderer: Renderer,
}

impl InferenceApi {
    /// Returns the API that renders prompt templates with `renderer` and answers with `model`, a Bedrock model id.
    ///
    /// The tenant role allows only that foundation model in this Region. An inference
    /// profile needs more permissions.
    pub fn new(model: String, renderer: Renderer) -> Self {
        Self { model, renderer }
    }
}

impl Api for InferenceApi {
    const ROUTES: &'static [Route] = &[
        Route::new("POST", "/v1/inference", Role::Reader),
        Route::new("POST", "/v1/search", Role::Reader),
        Route::new("POST", "/v1/templates/{key}/render", Role::Reader),
    ];

    async fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> Result<ApiResponse, ApiError> {
        match request.route() {
            ("POST", "/v1/inference") => handlers::infer(request, session, &self.model, &self.renderer).await,
            ("POST", "/v1/templates/{key}/render") => {
                handlers::render(request, session, &self.renderer).await
            }
            ("POST", "/v1/search") => handlers::search(request, session).await,
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
