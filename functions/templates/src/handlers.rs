//! Handlers, one per operation.

use bulkhead_prompts::VariablesSchema;
use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::documented::{
    BadRequest, Conflict, LabelText, NotFound, TemplateKeyText, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::version::version_selector;
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, whole_number};
use bulkhead_stores::{NewVersion, TenantSession};
use bulkhead_tenancy::names::{Label, TemplateKey};

use crate::body;
use crate::model::{MAX_DESCRIPTION, SaveTemplate, Template, TemplatePage, VersionPage};

/// Maximum request body in bytes: a prompt template and its JSON escapes.
const MAX_BODY: usize = 512 * 1024;

/// Lists the tenant's prompt templates.
///
/// Sorted by key. Pass the `cursor` of a page to get the next one.
#[utoipa::path(
    get, path = "/v1/templates", operation_id = "listTemplates", tag = "templates",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Maximum items per page. Default: 25"),
        ("cursor" = Option<TemplateKeyText>, Query, description = "The `cursor` of the previous page"),
    ),
    responses((status = 200, body = TemplatePage, description = "A page of prompt templates"), (status = 400, response = BadRequest)),
)]
pub async fn list(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let query = request.list_query(TemplateKey::parse)?;
    let page = session.templates().list(query.limit, query.after.as_ref()).await?;
    Ok(ApiResponse::json(200, &TemplatePage::from(page)))
}

/// Returns one prompt template.
///
/// Its latest version, the version with the requested number, or the one that a label points at.
#[utoipa::path(
    get, path = "/v1/templates/{key}", operation_id = "getTemplate", tag = "templates",
    params(
        ("key" = TemplateKeyText, Path, description = "Key of the prompt template"),
        ("version" = Option<u32>, Query, minimum = 1, maximum = 4294967295_u32, description = "Version number. Default: the latest"),
        ("label" = Option<LabelText>, Query, description = "A label instead of a version number"),
    ),
    responses(
        (status = 200, body = Template, description = "The prompt template"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&["version", "label"])?;
    let key = request.path("key", TemplateKey::parse)?;
    let version = request.query("version", version_number)?;
    let label = request.query("label", Label::parse)?;
    let selector = version_selector(version, label)?;
    let found = session.templates().get(&key, &selector).await?;
    let template = found.ok_or(ApiError::NotFound(selector.missing()))?;
    let label = selector.label().cloned();
    Ok(ApiResponse::json(200, &Template { label, ..Template::from(template) }))
}

/// Parses a version number.
pub(crate) fn version_number(text: &str) -> Result<u32, &'static str> {
    whole_number(text).filter(|version| *version > 0).ok_or("must be a whole number from 1")
}

/// Lists the versions of a prompt template.
///
/// Newest first. Pass the `cursor` of a page to get the next one.
#[utoipa::path(
    get, path = "/v1/templates/{key}/versions", operation_id = "listTemplateVersions", tag = "templates",
    params(
        ("key" = TemplateKeyText, Path, description = "Key of the prompt template"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Maximum items per page. Default: 25"),
        ("cursor" = Option<u32>, Query, minimum = 1, maximum = 4294967295_u32, description = "The `cursor` of the previous page"),
    ),
    responses(
        (status = 200, body = VersionPage, description = "A page of versions"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn versions(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    let query = request.list_query(version_number)?;
    let key = request.path("key", TemplateKey::parse)?;
    let found = session.templates().versions(&key, query.limit, query.after).await?;
    let (page, labels) = found.ok_or(ApiError::NotFound("template"))?;
    Ok(ApiResponse::json(200, &VersionPage::new(page, &labels)))
}

/// Saves a prompt template as a new version.
///
/// Versions are immutable. A prompt template with a syntax error, an unknown name or too deep nesting is refused with
/// 422, and so is one that always fails, or reads a variable that `variables` does not declare. A message of `system`
/// reads only variables that are declared with `"x-instruction": true`.
#[utoipa::path(
    put, path = "/v1/templates/{key}", operation_id = "saveTemplate", tag = "templates",
    params(("key" = TemplateKeyText, Path, description = "Key of the prompt template")),
    request_body = SaveTemplate,
    responses(
        (status = 200, body = Template, description = "A new version was saved"),
        (status = 201, body = Template, description = "The first version was saved"),
        (status = 400, response = BadRequest),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
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
    let schema = save.variables.as_ref().map(VariablesSchema::read).transpose();
    let schema = schema.map_err(|error| ApiError::Unprocessable(error.to_string()))?;
    let body = body::read(save.body, save.messages)?;
    body::check(renderer, &body, schema.as_ref()).await?;
    let new = NewVersion {
        body,
        description: save.description,
        created_by: request.subject().map(str::to_owned),
        variables: save.variables,
    };
    let saved = session.templates().put(&key, new).await?;
    let status = if saved.version == 1 { 201 } else { 200 };
    Ok(ApiResponse::json(status, &Template::from(saved)))
}

/// Deletes a prompt template and all its versions.
///
/// Version numbers are never reused.
#[utoipa::path(
    delete, path = "/v1/templates/{key}", operation_id = "deleteTemplate", tag = "templates",
    params(("key" = TemplateKeyText, Path, description = "Key of the prompt template")),
    responses(
        (status = 204, description = "The prompt template was deleted"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
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
