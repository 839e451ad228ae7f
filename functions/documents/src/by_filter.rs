//! Deletes documents by their metadata.

use bulkhead_runtime::http::documented::{BadRequest, TooLarge, Unprocessable, UnsupportedMediaType};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{Filter, TenantSession};
use bulkhead_tenancy::names::DocumentId;

use crate::batch::{self, MAX_DELETE_BODY};
use crate::model::{DeleteByFilter, DeletedByFilter, MAX_BATCH};

/// Deletes the documents whose metadata passes a filter.
///
/// One request examines at most 500 documents, newest first, and deletes at most 100. Repeat it with the `cursor` of its
/// answer until `cursor` is `null`. The metadata is the one that `GET /v1/documents/{id}` shows. A request that is sent
/// again deletes nothing else. With `dry_run`, nothing is deleted and `remaining` counts the documents.
#[utoipa::path(
    post, path = "/v1/documents/delete-by-filter", operation_id = "deleteDocumentsByFilter", tag = "documents",
    request_body = DeleteByFilter,
    responses(
        (status = 200, body = DeletedByFilter, description = "What was deleted, and where to continue"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let DeleteByFilter { filter, dry_run, cursor } = request.json(MAX_DELETE_BODY)?;
    let filter =
        Filter::parse("filter", filter).map_err(|error| ApiError::Unprocessable(error.to_string()))?;
    let after = cursor.as_deref().map(DocumentId::parse).transpose();
    let after = after.map_err(|_| {
        ApiError::BadRequest("`cursor`: use the `cursor` of the previous answer unchanged".to_owned())
    })?;
    let page = session.documents().matching(after.as_ref(), &filter).await?;
    let (mut found, mut next) = (page.items, page.next);
    let matched = found.len();
    if dry_run {
        found.clear();
    } else if matched > MAX_BATCH {
        found.truncate(MAX_BATCH);
        next = found.last().cloned();
    }
    let results = batch::delete_all(request, session, found).await;
    let answer = DeletedByFilter {
        matched,
        remaining: matched - results.len(),
        results,
        cursor: next.map(String::from),
    };
    Ok(ApiResponse::json(200, &answer))
}
