//! Handlers that return a document's content: its file and its passages.

use bulkhead_documents::Format;
use bulkhead_runtime::http::documented::{BadRequest, Conflict, DocumentIdText, NotFound};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, whole_number};
use bulkhead_stores::{FileName, TenantSession};
use bulkhead_tenancy::names::{DocumentId, Revision};

use crate::model::{DocumentPassage, PassagePage, Source};

/// Returns a URL that downloads a document's file.
///
/// The URL is valid for 60 seconds and gives access to this file alone. It names the newest revision that is received.
#[utoipa::path(
    get, path = "/v1/documents/{id}/source", operation_id = "getDocumentSource", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    responses(
        (status = 200, body = Source, description = "Where to download the file"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
    ),
)]
pub async fn source(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", DocumentId::parse)?;
    let document = session.documents().received(&id).await?.ok_or(ApiError::NotFound("document"))?;
    let arrived =
        || ApiError::Conflict("the content of this document has not arrived: retry when it has".to_owned());
    let revision = document.received_revision.ok_or_else(arrived)?;
    let source = session.objects().source(&id, revision).await?.ok_or_else(arrived)?;
    let extension = Format::from_content_type(&document.content_type).map_or("bin", Format::extension);
    let file_name = FileName::new(&document.title, extension);
    // The stored type has the `charset`.
    let content_type = Some(source.content_type).filter(|stored| !stored.is_empty());
    let content_type = content_type.unwrap_or(document.content_type);
    let (url, expires_in) =
        session.objects().presign_download(&id, revision, &content_type, &file_name).await?;
    Ok(ApiResponse::json(
        200,
        &Source {
            url,
            expires_in_seconds: expires_in.as_secs(),
            file_name: file_name.as_str().to_owned(),
            content_type,
            bytes: source.bytes,
            revision: revision.number(),
        },
    ))
}

/// Lists the passages of a document's searchable revision, in order.
///
/// If a newer revision becomes searchable between two pages, the answer is 409: begin again without `cursor`.
#[utoipa::path(
    get, path = "/v1/documents/{id}/passages", operation_id = "listPassages", tag = "documents",
    params(
        ("id" = DocumentIdText, Path, description = "Id of the document"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Maximum items per page. Default: 25"),
        ("cursor" = Option<String>, Query, pattern = r"^[1-9][0-9]{0,8}\.(0|[1-9][0-9]{0,8})$",
            description = "The `cursor` of the previous page"),
    ),
    responses(
        (status = 200, body = PassagePage, description = "A page of passages"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
    ),
)]
pub async fn passages(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let id = request.path("id", DocumentId::parse)?;
    let query = request.list_query(cursor)?;
    let document = session.documents().received(&id).await?.ok_or(ApiError::NotFound("document"))?;
    let Some(live) = document.live else {
        return Err(ApiError::Conflict("no revision of this document is searchable yet".to_owned()));
    };
    let replaced =
        || ApiError::Conflict("a newer revision is searchable now: begin again without `cursor`".to_owned());
    let first = match query.after {
        Some((revision, _)) if revision != live.revision => return Err(replaced()),
        Some((_, next)) => next,
        None => 0,
    };
    let end = first.saturating_add(u32::from(query.limit.number())).min(live.passages);
    let found = session.passages().of_document(&id, live.revision, first..end).await?;
    // The passages of a replaced revision are removed.
    if u32::try_from(found.len()).ok() != Some(end.saturating_sub(first)) {
        return Err(replaced());
    }
    let cursor = (end < live.passages).then(|| format!("{}.{end}", live.revision.number()));
    let passages = found.into_iter().map(DocumentPassage::from).collect();
    Ok(ApiResponse::json(200, &PassagePage { passages, revision: live.revision.number(), cursor }))
}

/// Parses the cursor of a page of passages: the revision and the number of the next passage.
fn cursor(text: &str) -> Result<(Revision, u32), String> {
    let parts = text
        .split_once('.')
        .and_then(|(revision, next)| Some((Revision::of(whole_number(revision)?)?, whole_number(next)?)));
    parts.ok_or_else(|| "not a cursor".to_owned())
}
