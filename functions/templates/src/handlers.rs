//! Handlers, one per operation.

use bulkhead_rendering::{RenderError, Renderer};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, Problem, whole_number};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::names::TemplateKey;

use crate::model::{MAX_DESCRIPTION, SaveTemplate, Template, TemplatePage};

/// Maximum request body in bytes: a prompt template and its JSON escapes.
const MAX_BODY: usize = 512 * 1024;

/// Lists the tenant's prompt templates.
#[utoipa::path(
    get, path = "/v1/templates", operation_id = "listTemplates", tag = "templates",
    params(
        ("limit" = Option<u16>, Query, description = "Maximum items per page, 1 to 100. Default: 25"),
        ("cursor" = Option<String>, Query, description = "The `cursor` of the previous page"),
    ),
    responses((status = 200, body = TemplatePage), (status = 400, body = Problem, content_type = "application/problem+json")),
)]
pub async fn list(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let query = request.list_query(TemplateKey::parse)?;
    let page = session.templates().list(query.limit, query.after.as_ref()).await?;
    Ok(ApiResponse::json(200, &TemplatePage::from(page)))
}

/// Returns one prompt template: its latest version, or the requested version.
#[utoipa::path(
    get, path = "/v1/templates/{key}", operation_id = "getTemplate", tag = "templates",
    params(
        ("key" = String, Path, description = "Key of the prompt template"),
        ("version" = Option<u32>, Query, description = "Version number. Default: the latest"),
    ),
    responses(
        (status = 200, body = Template),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&["version"])?;
    let key = request.path("key", TemplateKey::parse)?;
    let version = request.query("version", |text| {
        whole_number(text).filter(|version| *version > 0).ok_or("must be a whole number from 1")
    })?;
    let template = session.templates().get(&key, version).await?.ok_or(ApiError::NotFound("template"))?;
    Ok(ApiResponse::json(200, &Template::from(template)))
}

/// Saves a prompt template as a new version.
#[utoipa::path(
    put, path = "/v1/templates/{key}", operation_id = "saveTemplate", tag = "templates",
    params(("key" = String, Path, description = "1 to 64 characters from a-z, 0-9, `_` and `-`")),
    request_body = SaveTemplate,
    responses(
        (status = 200, body = Template, description = "A new version was saved"),
        (status = 201, body = Template, description = "The first version was saved"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The prompt template has a syntax error, uses a name that does not exist, nests too deeply, or always fails"),
    ),
)]
pub async fn put(
    request: &ApiRequest,
    session: TenantSession<'_>,
    renderer: &Renderer,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    let save: SaveTemplate = request.json(MAX_BODY)?;
    if save.description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        return Err(ApiError::BadRequest(format!(
            "`description` must have at most {MAX_DESCRIPTION} characters"
        )));
    }
    renderer.check(&save.body).await.map_err(refused)?;
    let saved = session.templates().put(&key, &save.body, save.description.as_deref()).await?;
    let status = if saved.version == 1 { 201 } else { 200 };
    Ok(ApiResponse::json(status, &Template::from(saved)))
}

/// Returns the answer to a request whose prompt template was not accepted.
fn refused(error: RenderError) -> ApiError {
    match error {
        RenderError::Refused(reason) => ApiError::Unprocessable(reason),
        error => {
            tracing::error!(error = chain(&error), "template check failed");
            ApiError::Fault
        }
    }
}

/// Deletes a prompt template and all its versions. Version numbers are never reused.
#[utoipa::path(
    delete, path = "/v1/templates/{key}", operation_id = "deleteTemplate", tag = "templates",
    params(("key" = String, Path, description = "Key of the prompt template")),
    responses(
        (status = 204, description = "The prompt template was deleted"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    match session.templates().delete(&key).await? {
        true => Ok(ApiResponse::no_content()),
        false => Err(ApiError::NotFound("template")),
    }
}
