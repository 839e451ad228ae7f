//! The `documents` function: creates, uploads, shows, lists and deletes a tenant's documents,
//! and redrives dead letters.

pub mod batch;
pub mod by_filter;
mod checks;
pub mod content;
pub mod dead_letters;
pub mod external;
pub mod handlers;
pub mod model;
pub mod schemas;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::http::{Api, ApiError, ApiRequest, ApiResponse, Route};
use bulkhead_stores::{TenantBacklog, TenantSession};
use bulkhead_tenancy::Role;

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
    const ROUTES: &'static [Route] = &[
        Route::new("GET", "/v1/documents", Role::Reader),
        Route::new("POST", "/v1/documents", Role::Writer),
        Route::new("POST", "/v1/documents/uploads", Role::Writer),
        Route::new("GET", "/v1/documents/{id}", Role::Reader),
        Route::new("PUT", "/v1/documents/{id}", Role::Writer),
        Route::new("PATCH", "/v1/documents/{id}", Role::Writer),
        Route::new("POST", "/v1/documents/{id}/uploads", Role::Writer),
        Route::new("DELETE", "/v1/documents/{id}", Role::Writer),
        Route::new("POST", "/v1/documents/batch", Role::Writer),
        Route::new("POST", "/v1/documents/delete", Role::Writer),
        Route::new("POST", "/v1/documents/delete-by-filter", Role::Writer),
        Route::new("GET", "/v1/documents/{id}/source", Role::Reader),
        Route::new("GET", "/v1/documents/{id}/passages", Role::Reader),
        Route::new("GET", "/v1/external-ids/{external_id}", Role::Reader),
        Route::new("PUT", "/v1/external-ids/{external_id}", Role::Writer),
        Route::new("POST", "/v1/external-ids/{external_id}/uploads", Role::Writer),
        Route::new("GET", "/v1/dead-letters", Role::Reader),
        Route::new("POST", "/v1/dead-letters/redrive", Role::Writer),
        Route::new("POST", "/v1/dead-letters/{id}/redrive", Role::Writer),
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
            ("PATCH", "/v1/documents/{id}") => handlers::patch(request, session).await,
            ("POST", "/v1/documents/{id}/uploads") => handlers::replace_upload(request, session).await,
            ("DELETE", "/v1/documents/{id}") => handlers::delete(request, session).await,
            ("POST", "/v1/documents/batch") => batch::create(request, session).await,
            ("POST", "/v1/documents/delete") => batch::delete(request, session).await,
            ("POST", "/v1/documents/delete-by-filter") => by_filter::delete(request, session).await,
            ("GET", "/v1/documents/{id}/source") => content::source(request, session).await,
            ("GET", "/v1/documents/{id}/passages") => content::passages(request, session).await,
            ("GET", "/v1/external-ids/{external_id}") => external::get(request, session).await,
            ("PUT", "/v1/external-ids/{external_id}") => external::put(request, session).await,
            ("POST", "/v1/external-ids/{external_id}/uploads") => external::upload(request, session).await,
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
