//! The `documents` function: creates, uploads, shows, lists and deletes a tenant's documents,
//! and redrives dead letters.

pub mod dead_letters;
pub mod handlers;
pub mod model;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{TenantBacklog, TenantSession};

/// The routes of this function.
pub struct DocumentsApi {
    backlog: String,
}

impl DocumentsApi {
    /// Returns the routes configured by the environment variables.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { backlog: config::required("BACKLOG_TABLE")? })
    }
}

impl Api for DocumentsApi {
    const ROUTES: &'static [(&'static str, &'static str)] = &[
        ("GET", "/v1/documents"),
        ("POST", "/v1/documents"),
        ("POST", "/v1/documents/uploads"),
        ("GET", "/v1/documents/{id}"),
        ("PUT", "/v1/documents/{id}"),
        ("POST", "/v1/documents/{id}/uploads"),
        ("DELETE", "/v1/documents/{id}"),
        ("GET", "/v1/dead-letters"),
        ("POST", "/v1/dead-letters/redrive"),
        ("POST", "/v1/dead-letters/{id}/redrive"),
    ];

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
            ("PUT", "/v1/documents/{id}") => handlers::replace(request, session).await,
            ("POST", "/v1/documents/{id}/uploads") => handlers::replace_upload(request, session).await,
            ("DELETE", "/v1/documents/{id}") => handlers::delete(request, session).await,
            ("GET", "/v1/dead-letters") => dead_letters::list(request, session).await,
            ("POST", "/v1/dead-letters/redrive") => {
                dead_letters::redrive_all(request, session, &TenantBacklog::new(session, &self.backlog)).await
            }
            ("POST", "/v1/dead-letters/{id}/redrive") => {
                dead_letters::redrive(request, session, &TenantBacklog::new(session, &self.backlog)).await
            }
            _ => Err(ApiError::NotFound("route")),
        }
    }
}
