//! One function per operation.

use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, Problem};
use bulkhead_stores::{DocumentStatus, NewDocument, TenantSession};
use bulkhead_tenancy::names::{DocumentId, InvalidName};

use crate::model::{self, CreateDocument, CreateUpload, Document, DocumentPage, DocumentUpload, MAX_INLINE};

/// Largest body of a request, bytes: a document sent inline and its JSON escapes.
const MAX_BODY: usize = 4 * MAX_INLINE;
const MAX_UPLOAD_BODY: usize = 16 * 1024;

/// Takes in a document that is sent with its text. It is indexed shortly after.
#[utoipa::path(
    post, path = "/v1/documents", operation_id = "createDocument", tag = "documents",
    request_body = CreateDocument,
    responses(
        (status = 202, body = Document, description = "It is stored and will be indexed"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let create: CreateDocument = request.json(MAX_BODY)?;
    let format = model::format(&create.content_type)?;
    if create.content.len() > MAX_INLINE {
        return Err(ApiError::BadRequest(format!(
            "`content` is larger than {MAX_INLINE} bytes; use POST /v1/documents/uploads"
        )));
    }
    if create.content.trim().is_empty() {
        return Err(ApiError::BadRequest("`content` is empty".to_owned()));
    }
    let document = NewDocument {
        id: new_id()?,
        title: model::title(&create.title)?,
        content_type: format.content_type().to_owned(),
        bytes: create.content.len() as u64,
        status: DocumentStatus::Queued,
    };
    // The record first: the event of the stored object finds it.
    let recorded = session.documents().create(document).await?;
    let stored =
        session.objects().put_source(&recorded.id, format.content_type(), create.content.into_bytes()).await;
    if let Err(error) = stored {
        // Not accepted, so nothing of it may stay. The client is told in any case.
        let _ = session.documents().delete(&recorded.id).await;
        return Err(error.into());
    }
    Ok(ApiResponse::json(202, &Document::from(recorded)))
}

/// Prepares the upload of a larger document. It is indexed once it has arrived.
#[utoipa::path(
    post, path = "/v1/documents/uploads", operation_id = "createUpload", tag = "documents",
    request_body = CreateUpload,
    responses(
        (status = 201, body = DocumentUpload),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn upload(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let create: CreateUpload = request.json(MAX_UPLOAD_BODY)?;
    let format = model::format(&create.content_type)?;
    let document = NewDocument {
        id: new_id()?,
        title: model::title(&create.title)?,
        content_type: format.content_type().to_owned(),
        bytes: model::upload_size(create.bytes)?,
        status: DocumentStatus::AwaitingUpload,
    };
    let upload =
        session.objects().presign_source(&document.id, format.content_type(), document.bytes).await?;
    let document = session.documents().create(document).await?;
    let answer = DocumentUpload { document: document.into(), upload: upload.into() };
    Ok(ApiResponse::json(201, &answer))
}

/// Reads one of the caller's documents: how far it has come.
#[utoipa::path(
    get, path = "/v1/documents/{id}", operation_id = "getDocument", tag = "documents",
    params(("id" = String, Path, description = "The document's id")),
    responses(
        (status = 200, body = Document),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", DocumentId::parse)?;
    let document = session.documents().get(&id).await?.ok_or(ApiError::NotFound("document"))?;
    Ok(ApiResponse::json(200, &Document::from(document)))
}

/// Lists the caller's documents.
#[utoipa::path(
    get, path = "/v1/documents", operation_id = "listDocuments", tag = "documents",
    params(
        ("limit" = Option<u16>, Query, description = "Items of the page, 1 to 100; 25 if not given"),
        ("cursor" = Option<String>, Query, description = "The `cursor` of the page before"),
    ),
    responses((status = 200, body = DocumentPage), (status = 400, body = Problem, content_type = "application/problem+json")),
)]
pub async fn list(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let query = request.list_query(DocumentId::parse)?;
    let page = session.documents().list(query.limit, query.after.as_ref()).await?;
    Ok(ApiResponse::json(200, &DocumentPage::from(page)))
}

/// Deletes a document: its passages, its bytes, its record.
#[utoipa::path(
    delete, path = "/v1/documents/{id}", operation_id = "deleteDocument", tag = "documents",
    params(("id" = String, Path, description = "The document's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", DocumentId::parse)?;
    // Marked first: from here on its passages are not found, and an ingestion that is
    // under way cannot finish and cleans up after itself. Where this ends early, deleting
    // again goes on with it.
    let passages = session.documents().bury(&id).await?.ok_or(ApiError::NotFound("document"))?;
    session.passages().delete(&id, 0..passages).await?;
    session.objects().delete_source(&id).await?;
    session.jobs().forget(&id).await?;
    session.documents().cleaned(&id).await?;
    Ok(ApiResponse::no_content())
}

/// A new id. Time-ordered, so listing by id is listing by age.
fn new_id() -> Result<DocumentId, ApiError> {
    DocumentId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|InvalidName { .. }| ApiError::Fault)
}
