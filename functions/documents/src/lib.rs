//! A tenant's documents over HTTP: send, upload, follow, list, delete.

pub mod handlers;
pub mod model;

use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;

/// The routes of this function.
pub struct DocumentsApi;

impl Api for DocumentsApi {
    async fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> Result<ApiResponse, ApiError> {
        match request.route() {
            ("GET", "/v1/documents") => handlers::list(request, session).await,
            ("POST", "/v1/documents") => handlers::create(request, session).await,
            ("POST", "/v1/documents/uploads") => handlers::upload(request, session).await,
            ("GET", "/v1/documents/{id}") => handlers::get(request, session).await,
            ("DELETE", "/v1/documents/{id}") => handlers::delete(request, session).await,
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
