//! Handlers of documents by external id: the id in the tenant's own system.

use bulkhead_runtime::http::documented::{
    BadRequest, Conflict, ExternalIdText, NotFound, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{Document as Stored, NewContent, TenantSession, Upsert};
use bulkhead_tenancy::names::{DocumentId, ExternalId, InvalidName};

use crate::handlers::{announced, in_utf8, inline, new_id, store_or_delete, upload_request};
use crate::model::{CreateDocument, CreateUpload, Document, DocumentUpload};

/// Returns the document with an external id.
///
/// A deletion of the document frees the id: the answer is then 404.
#[utoipa::path(
    get, path = "/v1/external-ids/{external_id}", operation_id = "getDocumentByExternalId", tag = "documents",
    params(("external_id" = ExternalIdText, Path, description = "Id of the document in your own system")),
    responses(
        (status = 200, body = Document, description = "The document"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let external_id = request.path("external_id", parse)?;
    let document = session.documents().find(&external_id).await?.ok_or(ApiError::NotFound("document"))?;
    Ok(ApiResponse::json(200, &Document::from(document)))
}

/// Creates or replaces the document with an external id, with inline text.
///
/// If no document has the id, creates one. Otherwise replaces its content, as `PUT /v1/documents/{id}` does. Of two
/// requests at the same time, one creates the document and the other one replaces its content. A deletion of the
/// document frees the id.
#[utoipa::path(
    put, path = "/v1/external-ids/{external_id}", operation_id = "upsertDocument", tag = "documents",
    params(("external_id" = ExternalIdText, Path, description = "Id of the document in your own system")),
    request_body = CreateDocument,
    responses(
        (status = 202, body = Document, description = "It is stored and will be indexed"),
        (status = 400, response = BadRequest),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn put(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let external_id = request.path("external_id", parse)?;
    let (content, bytes) = inline(request)?;
    let document = store(session, &external_id, content, bytes).await?;
    Ok(ApiResponse::json(202, &Document::from(document)))
}

/// Creates or replaces the document with an external id, with these bytes.
pub(crate) async fn store(
    session: TenantSession<'_>,
    external_id: &ExternalId,
    content: NewContent,
    bytes: Vec<u8>,
) -> Result<Stored, ApiError> {
    let content_type = in_utf8(&content.content_type);
    match upsert(session, external_id, content).await? {
        Upsert::Created(created) => store_or_delete(session, *created, &content_type, bytes).await,
        Upsert::Replaced(replacement) => {
            let replaced = announced(replacement)?;
            session.objects().put_source(&replaced.id, replaced.revision, &content_type, bytes).await?;
            Ok(replaced)
        }
    }
}

/// Returns an upload URL for the document with an external id.
///
/// If no document has the id, creates one. Otherwise the upload replaces its content.
#[utoipa::path(
    post, path = "/v1/external-ids/{external_id}/uploads", operation_id = "upsertUpload", tag = "documents",
    params(("external_id" = ExternalIdText, Path, description = "Id of the document in your own system")),
    request_body = CreateUpload,
    responses(
        (status = 201, body = DocumentUpload, description = "The document and the request that uploads its content"),
        (status = 400, response = BadRequest),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn upload(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let external_id = request.path("external_id", parse)?;
    let content = upload_request(request)?;
    let (content_type, bytes) = (content.content_type.clone(), content.bytes);
    let document = match upsert(session, &external_id, content).await? {
        Upsert::Created(created) => *created,
        Upsert::Replaced(replacement) => announced(replacement)?,
    };
    let upload =
        session.objects().presign_source(&document.id, document.revision, &content_type, bytes).await?;
    let answer = DocumentUpload { document: document.into(), upload: upload.into() };
    Ok(ApiResponse::json(201, &answer))
}

async fn upsert(
    session: TenantSession<'_>,
    external_id: &ExternalId,
    content: NewContent,
) -> Result<Upsert, ApiError> {
    let id: DocumentId = new_id()?;
    Ok(session.documents().upsert(&id, external_id, content).await?)
}

/// Parses an external id in a path. Accepts escapes of its characters, such as `%3A` for `:`, also if API Gateway has
/// not decoded them. An external id has no `%`, so nothing is decoded twice.
fn parse(text: &str) -> Result<ExternalId, InvalidName> {
    ExternalId::parse(&decoded(text).unwrap_or_default())
}

/// Decodes the escapes of a path segment; `None` if one is malformed.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        for (text, expected) in [
            ("handbook:7", Some("handbook:7")),
            ("handbook%3A7", Some("handbook:7")),
            ("handbook%3a7", Some("handbook:7")),
            ("handbook%253A7", None),
            ("a%2Fb", None),
            ("a%", None),
            ("a%3", None),
            ("a%+3", None),
            ("a%ff", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok().map(String::from).as_deref(), expected, "{text}");
        }
    }
}
