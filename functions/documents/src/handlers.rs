//! One function per operation.

use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, Problem};
use bulkhead_stores::{NewContent, TenantSession};
use bulkhead_tenancy::names::{DocumentId, InvalidName, Revision};

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
    let (content, bytes) = inline(request)?;
    let content_type = content.content_type.clone();
    // The record first: the event of the stored object finds it.
    let recorded = session.documents().create(new_id()?, content).await?;
    let stored = session.objects().put_source(&recorded.id, recorded.revision, &content_type, bytes).await;
    if let Err(error) = stored {
        // Not accepted, so nothing of it may stay. The client is told in any case.
        let _ = session.documents().delete(&recorded.id).await;
        return Err(error.into());
    }
    Ok(ApiResponse::json(202, &Document::from(recorded)))
}

/// Replaces a document's content by what is sent. What can be found stays until the new
/// content is indexed, and then changes all at once. The same content again changes nothing.
#[utoipa::path(
    put, path = "/v1/documents/{id}", operation_id = "replaceDocument", tag = "documents",
    params(("id" = String, Path, description = "The document's id")),
    request_body = CreateDocument,
    responses(
        (status = 202, body = Document, description = "It is stored and will be indexed"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn replace(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let id = request.path("id", DocumentId::parse)?;
    let (content, bytes) = inline(request)?;
    let content_type = content.content_type.clone();
    let announced = session.documents().replace(&id, content).await?.ok_or(ApiError::NotFound("document"))?;
    session.objects().put_source(&id, announced.revision, &content_type, bytes).await?;
    Ok(ApiResponse::json(202, &Document::from(announced)))
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
    let content = announced(request)?;
    let (content_type, bytes) = (content.content_type.clone(), content.bytes);
    let id = new_id()?;
    let upload = session.objects().presign_source(&id, Revision::FIRST, &content_type, bytes).await?;
    let document = session.documents().create(id, content).await?;
    let answer = DocumentUpload { document: document.into(), upload: upload.into() };
    Ok(ApiResponse::json(201, &answer))
}

/// Prepares the upload of content that replaces a document's. What can be found stays until
/// that has arrived and is indexed, and then changes all at once.
#[utoipa::path(
    post, path = "/v1/documents/{id}/uploads", operation_id = "replaceUpload", tag = "documents",
    params(("id" = String, Path, description = "The document's id")),
    request_body = CreateUpload,
    responses(
        (status = 201, body = DocumentUpload),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn replace_upload(
    request: &ApiRequest,
    session: TenantSession<'_>,
) -> Result<ApiResponse, ApiError> {
    let id = request.path("id", DocumentId::parse)?;
    let content = announced(request)?;
    let (content_type, bytes) = (content.content_type.clone(), content.bytes);
    let document = session.documents().replace(&id, content).await?.ok_or(ApiError::NotFound("document"))?;
    let upload = session.objects().presign_source(&id, document.revision, &content_type, bytes).await?;
    let answer = DocumentUpload { document: document.into(), upload: upload.into() };
    Ok(ApiResponse::json(201, &answer))
}

/// The content that a request carries, checked.
fn inline(request: &ApiRequest) -> Result<(NewContent, Vec<u8>), ApiError> {
    request.only_query(&[])?;
    let create: CreateDocument = request.json(MAX_BODY)?;
    let format = model::text_format(&create.content_type)?;
    if create.content.len() > MAX_INLINE {
        return Err(ApiError::BadRequest(format!(
            "`content` is larger than {MAX_INLINE} bytes; use POST /v1/documents/uploads"
        )));
    }
    if create.content.trim().is_empty() {
        return Err(ApiError::BadRequest("`content` is empty".to_owned()));
    }
    let content = NewContent {
        title: model::title(&create.title)?,
        content_type: format.content_type().to_owned(),
        bytes: create.content.len() as u64,
        by_upload: false,
    };
    Ok((content, create.content.into_bytes()))
}

/// The content that a request announces, checked.
fn announced(request: &ApiRequest) -> Result<NewContent, ApiError> {
    request.only_query(&[])?;
    let create: CreateUpload = request.json(MAX_UPLOAD_BODY)?;
    Ok(NewContent {
        title: model::title(&create.title)?,
        content_type: model::format(&create.content_type)?.content_type().to_owned(),
        bytes: model::upload_size(create.bytes)?,
        by_upload: true,
    })
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
    // The mark comes first: from now on searches do not return the document, and a running worker cannot
    // publish it and removes what it wrote. If this call ends early, a repeated one continues.
    let leftovers = session.documents().mark_deleted(&id).await?.ok_or(ApiError::NotFound("document"))?;
    session.passages().remove(&id, &leftovers).await?;
    session.objects().remove(&id, &leftovers).await?;
    session.jobs().discard_dead(&id).await?;
    session.documents().mark_cleaned(&id).await?;
    Ok(ApiResponse::no_content())
}

/// A new id. Time-ordered, so listing by id is listing by age.
fn new_id() -> Result<DocumentId, ApiError> {
    DocumentId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|InvalidName { .. }| ApiError::Fault)
}
