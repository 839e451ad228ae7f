//! The `templates` function: a tenant's prompt templates and API keys.

mod body;
pub mod diff;
pub mod handlers;
pub mod key_model;
pub mod keys;
pub mod labels;
pub mod model;

use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse, Route};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::Role;

/// The OpenAPI document of all functions. Generated from the handlers; a test compares it.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// The routes of this function.
pub struct TemplatesApi {
    renderer: Renderer,
    keys: keys::KeySettings,
}

impl TemplatesApi {
    /// Returns the API that checks prompt templates with `renderer`, and keeps API keys as `keys` says.
    pub fn new(renderer: Renderer, keys: keys::KeySettings) -> Self {
        Self { renderer, keys }
    }
}

impl Api for TemplatesApi {
    const ROUTES: &'static [Route] = &[
        Route::new("GET", "/v1/templates", Role::Reader),
        Route::new("GET", "/v1/templates/{key}", Role::Reader),
        Route::new("PUT", "/v1/templates/{key}", Role::Writer),
        Route::new("DELETE", "/v1/templates/{key}", Role::Writer),
        Route::new("GET", "/v1/templates/{key}/versions", Role::Reader),
        Route::new("GET", "/v1/templates/{key}/diff", Role::Reader),
        Route::new("GET", "/v1/templates/{key}/labels", Role::Reader),
        Route::new("PUT", "/v1/templates/{key}/labels/{label}", Role::Writer),
        Route::new("DELETE", "/v1/templates/{key}/labels/{label}", Role::Writer),
        Route::new("GET", "/v1/keys", Role::Admin),
        Route::new("POST", "/v1/keys", Role::Admin),
        Route::new("GET", "/v1/keys/{id}", Role::Admin),
        Route::new("DELETE", "/v1/keys/{id}", Role::Admin),
        Route::new("POST", "/v1/keys/{id}/rotate", Role::Admin),
        Route::new("GET", "/v1/openapi.json", Role::Reader),
    ];

    async fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> Result<ApiResponse, ApiError> {
        match request.route() {
            ("GET", "/v1/templates") => handlers::list(request, session).await,
            ("GET", "/v1/templates/{key}") => handlers::get(request, session).await,
            ("PUT", "/v1/templates/{key}") => handlers::put(request, session, &self.renderer).await,
            ("DELETE", "/v1/templates/{key}") => handlers::delete(request, session).await,
            ("GET", "/v1/templates/{key}/versions") => handlers::versions(request, session).await,
            ("GET", "/v1/templates/{key}/diff") => diff::get(request, session).await,
            ("GET", "/v1/templates/{key}/labels") => labels::list(request, session).await,
            ("PUT", "/v1/templates/{key}/labels/{label}") => labels::put(request, session).await,
            ("DELETE", "/v1/templates/{key}/labels/{label}") => labels::delete(request, session).await,
            ("GET", "/v1/keys") => keys::list(request, session, &self.keys).await,
            ("POST", "/v1/keys") => keys::create(request, session, &self.keys).await,
            ("GET", "/v1/keys/{id}") => keys::get(request, session, &self.keys).await,
            ("DELETE", "/v1/keys/{id}") => keys::delete(request, session, &self.keys).await,
            ("POST", "/v1/keys/{id}/rotate") => keys::rotate(request, session, &self.keys).await,
            ("GET", "/v1/openapi.json") => Ok(ApiResponse::json_text(200, OPENAPI)),
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
