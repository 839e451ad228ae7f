//! Handlers of many documents in one request.

use bulkhead_runtime::http::documented::{BadRequest, TooLarge, Unprocessable, UnsupportedMediaType};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_runtime::metrics::Subject;
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::names::{DocumentId, ExternalId};
use futures::{StreamExt, stream};

use crate::external;
use crate::handlers::{self, MAX_BODY, checked};
use crate::model::{
    BatchDocument, BatchResult, BatchResults, CreateBatch, CreateDocument, DeleteDocuments, DeletionResult,
    DeletionResults, MAX_BATCH,
};

/// Documents that one request works on at the same time.
const CONCURRENT: usize = 8;
pub(crate) const MAX_DELETE_BODY: usize = 16 * 1024;

/// Creates up to 100 documents with inline text.
///
/// All documents are checked first: if one is refused, the answer is 400 or 422 and none is created. After that each has its
/// own result, in the order of the request. A document with `external_id` is created, or its content is replaced.
#[utoipa::path(
    post, path = "/v1/documents/batch", operation_id = "createDocuments", tag = "documents",
    request_body = CreateBatch,
    responses(
        (status = 200, body = BatchResults, description = "One result for each document, in order"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn create(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let batch: CreateBatch = request.json(MAX_BODY)?;
    within_limit("documents", batch.documents.len())?;
    let mut checked_documents = vec![];
    for (number, document) in batch.documents.into_iter().enumerate() {
        let at =
            |error: &dyn std::fmt::Display| ApiError::BadRequest(format!("`documents[{number}]`: {error}"));
        let BatchDocument { external_id, title, content_type, content, keep_boilerplate, metadata } =
            document;
        let external_id = external_id.as_deref().map(ExternalId::parse).transpose();
        let external_id = external_id.map_err(|error| at(&error))?;
        let document = CreateDocument { title, content_type, content, keep_boilerplate, metadata };
        checked_documents.push((
            external_id,
            checked(document).map_err(|error| match error {
                ApiError::Unprocessable(reason) => {
                    ApiError::Unprocessable(format!("`documents[{number}]`: {reason}"))
                }
                error => at(&error),
            })?,
        ));
    }
    let subject = subject(request, session);
    let results = stream::iter(checked_documents)
        .map(async |(external_id, (content, bytes))| {
            let made = match external_id {
                Some(external_id) => external::store(session, &external_id, content, bytes).await,
                None => handlers::store(session, content, bytes).await,
            };
            match made {
                Ok(document) => {
                    BatchResult { status: 202, document: Some(Box::new(document.into())), problem: None }
                }
                Err(error) => {
                    let problem = error.into_problem(subject);
                    BatchResult { status: problem.status, document: None, problem: Some(problem) }
                }
            }
        })
        .buffered(CONCURRENT)
        .collect()
        .await;
    Ok(ApiResponse::json(200, &BatchResults { results }))
}

/// Deletes up to 100 documents.
///
/// Each id has its own result, in the order of the request: 204 if the document was deleted, 404 if it does not exist.
#[utoipa::path(
    post, path = "/v1/documents/delete", operation_id = "deleteDocuments", tag = "documents",
    request_body = DeleteDocuments,
    responses(
        (status = 200, body = DeletionResults, description = "One result for each id, in order"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let asked: DeleteDocuments = request.json(MAX_DELETE_BODY)?;
    within_limit("ids", asked.ids.len())?;
    let mut ids = vec![];
    for (number, id) in asked.ids.iter().enumerate() {
        let id = DocumentId::parse(id)
            .map_err(|error| ApiError::BadRequest(format!("`ids[{number}]`: {error}")))?;
        ids.push(id);
    }
    Ok(ApiResponse::json(200, &DeletionResults { results: delete_all(request, session, ids).await }))
}

/// Deletes the documents, and returns the result of each one in their order.
pub(crate) async fn delete_all(
    request: &ApiRequest,
    session: TenantSession<'_>,
    ids: Vec<DocumentId>,
) -> Vec<DeletionResult> {
    let subject = subject(request, session);
    stream::iter(ids)
        .map(async |id| {
            let deleted = match session.documents().delete(&id).await {
                Ok(true) => None,
                Ok(false) => Some(ApiError::NotFound("document")),
                Err(error) => Some(error.into()),
            };
            let problem = deleted.map(|error| error.into_problem(subject));
            let status = problem.as_ref().map_or(204, |problem| problem.status);
            DeletionResult { id: id.into(), status, problem }
        })
        .buffered(CONCURRENT)
        .collect()
        .await
}

fn within_limit(name: &str, number: usize) -> Result<(), ApiError> {
    if (1..=MAX_BATCH).contains(&number) {
        Ok(())
    } else {
        Err(ApiError::BadRequest(format!("`{name}` must have 1 to {MAX_BATCH} items")))
    }
}

fn subject<'a>(request: &'a ApiRequest, session: TenantSession<'a>) -> Subject<'a> {
    Subject { tenant: Some(session.tenant()), request_id: Some(request.request_id()) }
}
