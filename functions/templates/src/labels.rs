//! Handlers of labels: names that point at versions.

use bulkhead_runtime::http::documented::{
    BadRequest, Conflict, ETagText, LabelText, NotFound, PreconditionRequired, TemplateKeyText, TooLarge,
    UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{LabelCondition, Relabel, TemplateLabels, TenantSession};
use bulkhead_tenancy::names::{Label, TemplateKey};

use crate::model::{Labels, MoveLabel};

/// Maximum request body in bytes.
const MAX_BODY: usize = 1024;

/// Returns the labels of a prompt template and their last 50 moves.
///
/// `ETag` changes with each move. Send it as `If-Match` to move a label.
#[utoipa::path(
    get, path = "/v1/templates/{key}/labels", operation_id = "listLabels", tag = "templates",
    params(("key" = TemplateKeyText, Path, description = "Key of the prompt template")),
    responses(
        (status = 200, body = Labels, description = "The labels", headers(("ETag" = ETagText, description = "The state of all labels of the prompt template"))),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn list(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    let labels = session.templates().labels(&key).await?.ok_or(ApiError::NotFound("template"))?;
    Ok(answer(200, labels))
}

/// Points a label at a version: creates the label, moves it forward, or rolls it back.
///
/// A move needs `If-Match` with the `ETag` of the labels; a new label needs `If-None-Match: *` or `If-Match`. If the
/// labels changed in the meantime, the answer is 409, and `current` in the problem has the current labels.
#[utoipa::path(
    put, path = "/v1/templates/{key}/labels/{label}", operation_id = "moveLabel", tag = "templates",
    params(
        ("key" = TemplateKeyText, Path, description = "Key of the prompt template"),
        ("label" = LabelText, Path, description = "The label"),
        ("If-Match" = Option<ETagText>, Header, description = "The `ETag` of the labels that you read"),
        ("If-None-Match" = Option<String>, Header, pattern = r"^\*$", description = "`*` if the label must not exist"),
    ),
    request_body = MoveLabel,
    responses(
        (status = 200, body = Labels, description = "The label points at the version", headers(("ETag" = ETagText, description = "The state of all labels of the prompt template"))),
        (status = 201, body = Labels, description = "The label was created", headers(("ETag" = ETagText, description = "The state of all labels of the prompt template"))),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 428, response = PreconditionRequired),
    ),
)]
pub async fn put(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    let label = request.path("label", Label::parse)?;
    let MoveLabel { version } = request.json(MAX_BODY)?;
    if version == 0 {
        return Err(ApiError::BadRequest("`version` must be a whole number from 1".to_owned()));
    }
    let condition = condition(request)?;
    let templates = session.templates();
    match templates.move_label(&key, &label, Some(version), &condition, request.subject()).await? {
        Relabel::Moved { labels, created } => Ok(answer(if created { 201 } else { 200 }, labels)),
        refused => Err(refusal(refused)),
    }
}

/// Deletes a label.
///
/// The version that it points at stays. Needs `If-Match` with the `ETag` of the labels.
#[utoipa::path(
    delete, path = "/v1/templates/{key}/labels/{label}", operation_id = "deleteLabel", tag = "templates",
    params(
        ("key" = TemplateKeyText, Path, description = "Key of the prompt template"),
        ("label" = LabelText, Path, description = "The label"),
        ("If-Match" = Option<ETagText>, Header, description = "The `ETag` of the labels that you read"),
    ),
    responses(
        (status = 204, description = "The label was deleted"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
        (status = 428, response = PreconditionRequired),
    ),
)]
pub async fn delete(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    let label = request.path("label", Label::parse)?;
    let condition = condition(request)?;
    match session.templates().move_label(&key, &label, None, &condition, request.subject()).await? {
        Relabel::Moved { .. } => Ok(ApiResponse::no_content()),
        refused => Err(refusal(refused)),
    }
}

/// Reads `If-Match` and `If-None-Match`.
fn condition(request: &ApiRequest) -> Result<LabelCondition, ApiError> {
    let etag = request.header("if-match").map(etag).transpose()?;
    let absent = match request.header("if-none-match").map(str::trim) {
        None => false,
        Some("*") => true,
        Some(_) => {
            return Err(ApiError::BadRequest(
                "`If-None-Match`: send `*`, which means that the label must not exist".to_owned(),
            ));
        }
    };
    if etag.is_none() && !absent {
        return Err(ApiError::PreconditionRequired(
            "send `If-Match` with the `ETag` of the template's labels, or `If-None-Match: *` to create the label",
        ));
    }
    Ok(LabelCondition { absent, etag })
}

/// Returns the text between the quotes of a strong entity tag.
fn etag(header: &str) -> Result<String, ApiError> {
    let quoted = header.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let valid = |text: &&str| {
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    match quoted.filter(valid) {
        Some(text) => Ok(text.to_owned()),
        None => Err(ApiError::BadRequest(
            "`If-Match`: send the `ETag` of the template's labels unchanged".to_owned(),
        )),
    }
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn answer(status: u16, labels: TemplateLabels) -> ApiResponse {
    let etag = quoted(&labels.etag);
    ApiResponse::json(status, &Labels::from(labels)).with_header("etag", etag)
}

fn refusal(refused: Relabel) -> ApiError {
    match refused {
        Relabel::NotCurrent(labels) => {
            let etag = quoted(&labels.etag);
            ApiError::not_current(
                "the labels changed since you read them: read `current`, then retry with the new `ETag`",
                &Labels::from(labels).labels,
                etag,
            )
        }
        Relabel::NoTemplate => ApiError::NotFound("template"),
        Relabel::NoVersion => ApiError::NotFound("version"),
        Relabel::NoLabel => ApiError::NotFound("label"),
        Relabel::TooMany(maximum) => {
            ApiError::Conflict(format!("the template has {maximum} labels, the maximum: delete one first"))
        }
        Relabel::Moved { .. } => ApiError::Fault,
    }
}
