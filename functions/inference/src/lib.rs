//! The `inference` function: answers a question from a tenant's documents with a tenant's
//! prompt template.

mod asking;
mod conversation;
mod generation;
pub mod handlers;
pub mod model;
pub mod openai;
mod prompt;
mod ranking;
pub mod records;
mod retrieval;
mod template;

use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse, Events, Route};
use bulkhead_stores::{TenantSession, Throttle};
use bulkhead_tenancy::Role;

/// The routes of this function.
pub struct InferenceApi {
    model: String,
    renderer: Renderer,
    embeddings: Throttle,
}

impl InferenceApi {
    /// Returns the API that renders prompt templates with `renderer` and answers with `model`, a Bedrock model id.
    ///
    /// `embeddings` is the rate at which one tenant embeds texts, together with its documents.
    ///
    /// The tenant role allows only that foundation model in this Region. An inference
    /// profile needs more permissions.
    pub fn new(model: String, renderer: Renderer, embeddings: Throttle) -> Self {
        Self { model, renderer, embeddings }
    }
}

impl Api for InferenceApi {
    const ROUTES: &'static [Route] = &[
        Route::new("POST", "/v1/inference", Role::Reader),
        Route::streamed("POST", "/v1/inference/stream", Role::Reader),
        Route::new("GET", "/v1/inferences/{id}", Role::Reader),
        Route::new("DELETE", "/v1/inferences/{id}", Role::Writer),
        Route::streamed("POST", "/v1/chat/completions", Role::Reader).openai(),
        Route::new("POST", "/v1/embeddings", Role::Reader).openai(),
        Route::new("GET", "/v1/models", Role::Reader).openai(),
        Route::new("POST", "/v1/search", Role::Reader),
        Route::new("POST", "/v1/templates/{key}/render", Role::Reader),
    ];

    async fn stream(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
        events: &mut Events<'_>,
    ) -> Result<(), ApiError> {
        let (model, renderer) = (&self.model, &self.renderer);
        match request.route() {
            ("POST", "/v1/chat/completions") => {
                openai::chat::complete(request, session, model, renderer, events).await
            }
            ("POST", "/v1/inference/stream") => {
                handlers::stream(request, session, model, renderer, events).await
            }
            _ => Err(ApiError::NotFound("route")),
        }
    }

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
            ("GET", "/v1/inferences/{id}") => records::get(request, session).await,
            ("DELETE", "/v1/inferences/{id}") => records::delete(request, session).await,
            ("POST", "/v1/embeddings") => openai::embeddings::create(request, session, self.embeddings).await,
            ("GET", "/v1/models") => openai::models::list(request, session, &self.model).await,
            ("POST", "/v1/search") => handlers::search(request, session).await,
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
