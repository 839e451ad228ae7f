//! The `inference` function: answers a question from a tenant's documents with a tenant's
//! prompt template.

mod asking;
mod choice;
mod conversation;
mod generation;
pub mod handlers;
mod metering;
pub mod model;
pub mod openai;
mod prompt;
mod ranking;
pub mod records;
mod retrieval;
mod template;
pub mod usage;

use bulkhead_models::Offer;
use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse, Events, Route};
use bulkhead_stores::{BudgetSettings, TenantSession, Throttle};
use bulkhead_tenancy::Role;

/// The routes of this function.
pub struct InferenceApi {
    offer: Offer,
    renderer: Renderer,
    embeddings: Throttle,
    budgets: BudgetSettings,
}

impl InferenceApi {
    /// Returns the API that renders prompt templates with `renderer` and answers with the models of `offer`.
    ///
    /// `embeddings` is the rate at which one tenant embeds texts, together with its documents.
    /// `budgets` are those of a tenant of the tier.
    pub fn new(offer: Offer, renderer: Renderer, embeddings: Throttle, budgets: BudgetSettings) -> Self {
        Self { offer, renderer, embeddings, budgets }
    }
}

impl Api for InferenceApi {
    const ROUTES: &'static [Route] = &[
        Route::new("POST", "/v1/inference", Role::Reader),
        Route::streamed("POST", "/v1/inference/stream", Role::Reader),
        Route::new("GET", "/v1/inferences/{id}", Role::Reader),
        Route::new("DELETE", "/v1/inferences/{id}", Role::Writer),
        Route::streamed("POST", "/v1/chat/completions", Role::Reader).openai(),
        Route::new("POST", "/v1/embeddings", Role::Reader).openai().repeatable(),
        Route::new("GET", "/v1/models", Role::Reader).openai(),
        Route::new("POST", "/v1/search", Role::Reader).repeatable(),
        Route::new("POST", "/v1/templates/{key}/render", Role::Reader).repeatable(),
        Route::new("GET", "/v1/usage", Role::Reader),
    ];

    async fn stream(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
        events: &mut Events<'_>,
    ) -> Result<(), ApiError> {
        let (offer, renderer, budgets) = (&self.offer, &self.renderer, &self.budgets);
        match request.route() {
            ("POST", "/v1/chat/completions") => {
                openai::chat::complete(request, session, offer, renderer, budgets, events).await
            }
            ("POST", "/v1/inference/stream") => {
                handlers::stream(request, session, offer, renderer, budgets, events).await
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
            ("POST", "/v1/inference") => {
                handlers::infer(request, session, &self.offer, &self.renderer, &self.budgets).await
            }
            ("POST", "/v1/templates/{key}/render") => {
                handlers::render(request, session, &self.renderer).await
            }
            ("GET", "/v1/inferences/{id}") => records::get(request, session).await,
            ("DELETE", "/v1/inferences/{id}") => records::delete(request, session).await,
            ("POST", "/v1/embeddings") => {
                openai::embeddings::create(request, session, self.embeddings, &self.budgets).await
            }
            ("GET", "/v1/models") => openai::models::list(request, session, &self.offer).await,
            ("POST", "/v1/search") => handlers::search(request, session, &self.budgets).await,
            ("GET", "/v1/usage") => usage::get(request, session, &self.budgets).await,
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
