//! Handlers for dead letters: documents whose indexing failed for good.

use bulkhead_runtime::http::documented::{BadRequest, DocumentIdText, NotFound};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{Job, PageLimit, StoreError, TenantBacklog, TenantSession, Transition};
use bulkhead_tenancy::names::DocumentId;

use crate::model::{DeadLetterPage, Redriven};

/// Lists the tenant's dead letters.
///
/// A dead letter is a document whose indexing failed for good. Oldest documents first.
#[utoipa::path(
    get, path = "/v1/dead-letters", operation_id = "listDeadLetters", tag = "documents",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Maximum items per page. Default: 25"),
        ("cursor" = Option<DocumentIdText>, Query, description = "The `cursor` of the previous page"),
    ),
    responses(
        (status = 200, body = DeadLetterPage, description = "A page of dead letters"),
        (status = 400, response = BadRequest),
    ),
)]
pub async fn list(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let query = request.list_query(DocumentId::parse)?;
    let page = session.jobs().dead_letters(query.limit, query.after.as_ref()).await?;
    Ok(ApiResponse::json(200, &DeadLetterPage::from(page)))
}

/// Redrives one dead letter.
///
/// The scheduler queues the job within a minute.
#[utoipa::path(
    post, path = "/v1/dead-letters/{id}/redrive", operation_id = "redriveDeadLetter", tag = "documents",
    params(("id" = DocumentIdText, Path, description = "Id of the document")),
    responses(
        (status = 202, body = Redriven, description = "The job will run again"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn redrive(
    request: &ApiRequest,
    session: TenantSession<'_>,
    backlog: &TenantBacklog<'_>,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", DocumentId::parse)?;
    let job = session.jobs().dead(&id).await?.ok_or(ApiError::NotFound("dead letter"))?;
    if !redrive_job(session, &job, backlog).await? {
        return Err(ApiError::NotFound("dead letter"));
    }
    Ok(ApiResponse::json(202, &Redriven { documents: vec![id.into()], more: false }))
}

/// Redrives up to 100 dead letters.
///
/// Oldest documents first. The scheduler queues the jobs within a minute.
#[utoipa::path(
    post, path = "/v1/dead-letters/redrive", operation_id = "redriveDeadLetters", tag = "documents",
    responses(
        (status = 202, body = Redriven, description = "The jobs will run again"),
        (status = 400, response = BadRequest),
    ),
)]
pub async fn redrive_all(
    request: &ApiRequest,
    session: TenantSession<'_>,
    backlog: &TenantBacklog<'_>,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let limit = PageLimit::new(PageLimit::MAX).unwrap_or(PageLimit::DEFAULT);
    let page = session.jobs().dead_letters(limit, None).await?;
    let mut documents = vec![];
    for job in &page.items {
        if redrive_job(session, job, backlog).await? {
            documents.push(job.document().to_string());
        }
    }
    Ok(ApiResponse::json(202, &Redriven { documents, more: page.next.is_some() }))
}

async fn redrive_job(
    session: TenantSession<'_>,
    job: &Job,
    backlog: &TenantBacklog<'_>,
) -> Result<bool, StoreError> {
    match session.jobs().redrive(job, backlog).await? {
        Transition::Applied(_) => Ok(true),
        // A deleted document needs no job.
        Transition::DocumentDeleted => session.jobs().discard(job).await.map(|_| false),
        Transition::LostRace | Transition::Superseded => Ok(false),
    }
}
