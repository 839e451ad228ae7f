//! Handlers of the document operations.

use bulkhead_documents::Format;
use bulkhead_runtime::http::documented::{
    BadRequest, Conflict, DocumentIdText, NotFound, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{Document as Stored, DocumentFilter, NewContent, Replacement, TenantSession};
use bulkhead_tenancy::names::{DocumentId, InvalidName, MetadataKey, Revision};

use crate::checks;
use crate::model::{
    CreateDocument, CreateUpload, Document, DocumentPage, DocumentUpload, MAX_INLINE, PatchDocument,
};
use crate::schemas::{ListedType, MetadataEquals, ShownStatus};

/// Maximum request body in bytes: an inline document and its JSON escapes.
pub(crate) const MAX_BODY: usize = 4 * MAX_INLINE;
const MAX_UPLOAD_BODY: usize = 16 * 1024;

/// Creates a document with inline text.
///
/// Indexing starts shortly after. Read the document until its `ready_revision` equals `revision`.
#[utoipa::path(
    post, path = "/v1/documents", operation_id = "createDocument", tag = "documents",
    request_body = CreateDocument,
    responses(
        (status = 202, body = Document, description = "It is stored and will be indexed"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn create(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let (content, bytes) = inline(request)?;
    let stored = store(session, content, bytes).await?;
    Ok(ApiResponse::json(202, &Document::from(stored)))
}

/// Creates a document with these bytes.
pub(crate) async fn store(
    session: TenantSession<'_>,
    content: NewContent,
    bytes: Vec<u8>,
) -> Result<Stored, ApiError> {
    let content_type = in_utf8(&content.content_type);
    // Create the record first, so that the event of the stored object finds it.
    let recorded = session.documents().create(new_id()?, content).await?;
    store_or_delete(session, recorded, &content_type, bytes).await
}

/// Stores the bytes of a new document. Deletes the document if they cannot be stored.
pub(crate) async fn store_or_delete(
    session: TenantSession<'_>,
    recorded: Stored,
    content_type: &str,
    bytes: Vec<u8>,
) -> Result<Stored, ApiError> {
    let stored = session.objects().put_source(&recorded.id, recorded.revision, content_type, bytes).await;
    if let Err(error) = stored {
        // The client receives the error, so no part of the document may stay. The bytes may be stored, and their
        // event may arrive later. A deletion leaves a mark that lets the event clean up.
        let _ = session.documents().delete(&recorded.id).await;
        return Err(error.into());
    }
    Ok(recorded)
}

/// Replaces a document's content with inline text.
///
/// Search uses the old content until the new content is indexed, and then switches at once. Identical content
/// changes nothing.
#[utoipa::path(
    put, path = "/v1/documents/{id}", operation_id = "replaceDocument", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    request_body = CreateDocument,
    responses(
        (status = 202, body = Document, description = "It is stored and will be indexed"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn replace(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let id = request.path("id", DocumentId::parse)?;
    let (content, bytes) = inline(request)?;
    let content_type = in_utf8(&content.content_type);
    let replaced = announced(session.documents().replace(&id, content).await?)?;
    session.objects().put_source(&id, replaced.revision, &content_type, bytes).await?;
    Ok(ApiResponse::json(202, &Document::from(replaced)))
}

/// Changes the title and the metadata of a document.
///
/// The change is a new revision with the same content: answers use the old title and metadata until it is indexed, and
/// then switch at once. Members that are absent stay as they are.
#[utoipa::path(
    patch, path = "/v1/documents/{id}", operation_id = "patchDocument", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    request_body = PatchDocument,
    responses(
        (status = 202, body = Document, description = "It is stored and will be indexed"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn patch(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let id = request.path("id", DocumentId::parse)?;
    request.only_query(&[])?;
    let patch: PatchDocument = request.json(MAX_UPLOAD_BODY)?;
    let title = patch.title.map(|title| checks::title(&title)).transpose()?;
    let metadata = patch.metadata.map(checks::metadata_patch).transpose()?;
    if title.is_none() && metadata.is_none() {
        return Err(ApiError::Unprocessable("request body: send `title` or `metadata`".to_owned()));
    }
    let change = |current: &Stored| {
        let patched = metadata.as_ref().map(|patch| current.metadata.patched(patch)).transpose();
        Ok::<_, ApiError>(NewContent {
            title: title.clone().unwrap_or_else(|| current.title.clone()),
            content_type: current.content_type.clone(),
            bytes: current.bytes,
            by_upload: false,
            keep_boilerplate: current.keep_boilerplate,
            metadata: patched
                .map_err(|error| ApiError::Unprocessable(error.to_string()))?
                .unwrap_or_else(|| current.metadata.clone()),
        })
    };
    let revised = announced(session.documents().revise(&id, change).await?)?;
    Ok(ApiResponse::json(202, &Document::from(revised)))
}

/// Creates a document and returns an upload URL.
///
/// Send the bytes with the returned method, URL and headers. Indexing starts after the upload.
#[utoipa::path(
    post, path = "/v1/documents/uploads", operation_id = "createUpload", tag = "documents",
    request_body = CreateUpload,
    responses(
        (status = 201, body = DocumentUpload, description = "The document and the request that uploads its content"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn upload(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let content = upload_request(request)?;
    let (content_type, bytes) = (content.content_type.clone(), content.bytes);
    let id = new_id()?;
    let upload = session.objects().presign_source(&id, Revision::FIRST, &content_type, bytes).await?;
    let document = session.documents().create(id, content).await?;
    let answer = DocumentUpload { document: document.into(), upload: upload.into() };
    Ok(ApiResponse::json(201, &answer))
}

/// Returns an upload URL for new content of a document.
///
/// Search uses the old content until the new content is uploaded and indexed, and then switches at once.
#[utoipa::path(
    post, path = "/v1/documents/{id}/uploads", operation_id = "replaceUpload", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    request_body = CreateUpload,
    responses(
        (status = 201, body = DocumentUpload, description = "The document and the request that uploads its content"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn replace_upload(
    request: &ApiRequest,
    session: TenantSession<'_>,
) -> Result<ApiResponse, ApiError> {
    let id = request.path("id", DocumentId::parse)?;
    let content = upload_request(request)?;
    let (content_type, bytes) = (content.content_type.clone(), content.bytes);
    let document = announced(session.documents().replace(&id, content).await?)?;
    let upload = session.objects().presign_source(&id, document.revision, &content_type, bytes).await?;
    let answer = DocumentUpload { document: document.into(), upload: upload.into() };
    Ok(ApiResponse::json(201, &answer))
}

pub(crate) fn announced(replacement: Replacement) -> Result<Stored, ApiError> {
    match replacement {
        Replacement::Announced(document) => Ok(*document),
        Replacement::NotFound => Err(ApiError::NotFound("document")),
        Replacement::TooManyOutstanding(number) => Err(ApiError::Conflict(format!(
            "{number} revisions of this document await their content: upload one of them, or retry in 30 minutes"
        ))),
        Replacement::NoContent(revision) => Err(ApiError::Conflict(format!(
            "the content of revision {} has not arrived: upload it, or retry in a moment",
            revision.number()
        ))),
    }
}

/// Parses and checks a request with inline content.
pub(crate) fn inline(request: &ApiRequest) -> Result<(NewContent, Vec<u8>), ApiError> {
    request.only_query(&[])?;
    checked(request.json(MAX_BODY)?)
}

/// Checks inline content.
pub(crate) fn checked(create: CreateDocument) -> Result<(NewContent, Vec<u8>), ApiError> {
    let format = checks::text_format(&create.content_type)?;
    if create.content.len() > MAX_INLINE {
        return Err(ApiError::BadRequest(format!(
            "`content` must have at most {MAX_INLINE} bytes; upload larger documents with \
             `POST /v1/documents/uploads`"
        )));
    }
    if create.content.trim().is_empty() {
        return Err(ApiError::BadRequest("`content` must not be empty".to_owned()));
    }
    let content = NewContent {
        title: checks::title(&create.title)?,
        content_type: format.content_type().to_owned(),
        bytes: create.content.len() as u64,
        by_upload: false,
        keep_boilerplate: create.keep_boilerplate,
        metadata: checks::metadata(create.metadata)?,
    };
    Ok((content, create.content.into_bytes()))
}

/// Returns the content type of text that arrived in JSON. Without `charset`, an encoding that the text names, as HTML
/// does in `meta`, would be used.
pub(crate) fn in_utf8(content_type: &str) -> String {
    format!("{content_type}; charset=utf-8")
}

/// Parses and checks a request for an upload.
pub(crate) fn upload_request(request: &ApiRequest) -> Result<NewContent, ApiError> {
    request.only_query(&[])?;
    let create: CreateUpload = request.json(MAX_UPLOAD_BODY)?;
    Ok(NewContent {
        title: checks::title(&create.title)?,
        content_type: checks::declared(&create.content_type)?,
        bytes: checks::upload_size(create.bytes)?,
        by_upload: true,
        keep_boilerplate: create.keep_boilerplate,
        metadata: checks::metadata(create.metadata)?,
    })
}

/// Returns a document and its indexing status.
///
/// A document is searchable from the time its `ready_revision` is set.
#[utoipa::path(
    get, path = "/v1/documents/{id}", operation_id = "getDocument", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    responses(
        (status = 200, body = Document, description = "The document"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", DocumentId::parse)?;
    let document = session.documents().get(&id).await?.ok_or(ApiError::NotFound("document"))?;
    Ok(ApiResponse::json(200, &Document::from(document)))
}

/// Lists the tenant's documents, newest first.
///
/// Pass the `cursor` of a page to get the next one. With a filter, a page may have fewer items than `limit`, or none, and
/// still a `cursor`: one request examines at most 500 documents.
#[utoipa::path(
    get, path = "/v1/documents", operation_id = "listDocuments", tag = "documents",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Maximum items per page. Default: 25"),
        ("cursor" = Option<DocumentIdText>, Query, description = "The `cursor` of the previous page"),
        ("status" = Option<ShownStatus>, Query, description = "Only documents with this status"),
        ("type" = Option<ListedType>, Query, description = "Only documents with this content type; parameters such as \
            `charset` do not count"),
        ("metadata" = Option<MetadataEquals>, Query, style = DeepObject, explode,
            description = "Only documents with these values of metadata: `metadata[department]=legal`. A number matches a \
            number, `true` and `false` match booleans"),
    ),
    responses((status = 200, body = DocumentPage, description = "A page of documents"), (status = 400, response = BadRequest)),
)]
pub async fn list(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let query = request.list_query_with(&["status", "type", "metadata["], DocumentId::parse)?;
    let status = request.query("status", checks::shown_status)?;
    let format = request.query("type", Format::from_content_type)?;
    let mut metadata = vec![];
    for key in request.query_members("metadata") {
        let value =
            request.query(&format!("metadata[{key}]"), |text| Ok::<_, InvalidName>(text.to_owned()))?;
        let key = MetadataKey::parse(key)
            .map_err(|error| ApiError::BadRequest(format!("query parameter `metadata[{key}]`: {error}")))?;
        metadata.extend(value.map(|value| (key, value)));
    }
    let has_format = |content_type: &str| Format::from_content_type(content_type).ok() == format;
    let filter =
        DocumentFilter { status, content_type: format.is_some().then_some(&has_format), metadata: &metadata };
    let page = session.documents().list(query.limit, query.after.as_ref(), &filter).await?;
    Ok(ApiResponse::json(200, &DocumentPage::from(page)))
}

/// Deletes a document.
///
/// Deletes its passages, content and record. Answers do not use it any more.
#[utoipa::path(
    delete, path = "/v1/documents/{id}", operation_id = "deleteDocument", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    responses(
        (status = 204, description = "The document was deleted"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", DocumentId::parse)?;
    if session.documents().delete(&id).await? {
        Ok(ApiResponse::no_content())
    } else {
        Err(ApiError::NotFound("document"))
    }
}

/// Returns a new time-ordered id, so that documents sorted by id are sorted by age.
pub(crate) fn new_id() -> Result<DocumentId, ApiError> {
    DocumentId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|InvalidName { .. }| ApiError::Fault)
}
