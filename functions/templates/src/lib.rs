//! The `templates` function: saves, reads, lists and deletes a tenant's prompt templates.

pub mod handlers;
pub mod labels;
pub mod model;

use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;

/// The OpenAPI document of all functions. Generated from the handlers; a test compares it.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// The routes of this function.
pub struct TemplatesApi {
    renderer: Renderer,
}

impl TemplatesApi {
    /// Returns the API that checks prompt templates with `renderer`.
    pub fn new(renderer: Renderer) -> Self {
        Self { renderer }
    }
}

impl Api for TemplatesApi {
    const ROUTES: &'static [(&'static str, &'static str)] = &[
        ("GET", "/v1/templates"),
        ("GET", "/v1/templates/{key}"),
        ("PUT", "/v1/templates/{key}"),
        ("DELETE", "/v1/templates/{key}"),
        ("GET", "/v1/templates/{key}/versions"),
        ("GET", "/v1/templates/{key}/labels"),
        ("PUT", "/v1/templates/{key}/labels/{label}"),
        ("DELETE", "/v1/templates/{key}/labels/{label}"),
        ("GET", "/v1/openapi.json"),
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
            ("GET", "/v1/templates/{key}/labels") => labels::list(request, session).await,
            ("PUT", "/v1/templates/{key}/labels/{label}") => labels::put(request, session).await,
            ("DELETE", "/v1/templates/{key}/labels/{label}") => labels::delete(request, session).await,
            ("GET", "/v1/openapi.json") => Ok(ApiResponse::json_text(200, OPENAPI)),
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
