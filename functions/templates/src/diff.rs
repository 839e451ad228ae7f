//! The differences between two versions of a prompt template.

use std::time::Duration;

use bulkhead_runtime::http::documented::{BadRequest, LabelText, NotFound, TemplateKeyText, Unprocessable};
use bulkhead_runtime::http::version::version_selector;
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{StoredTemplate, TemplateBody, TenantSession, VersionSelector};
use bulkhead_tenancy::names::{Label, TemplateKey};
use similar::TextDiff;

use crate::handlers::version_number;
use crate::model::{Difference, TemplateDiff};

/// After this time a part that is still compared counts as replaced. Two texts of 64 KiB without a common line take
/// longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Returns the differences between two versions of a prompt template.
///
/// Each difference is in the unified format of `diff`, with three lines around a change. Equal versions have none.
#[utoipa::path(
    get, path = "/v1/templates/{key}/diff", operation_id = "diffTemplate", tag = "templates",
    params(
        ("key" = TemplateKeyText, Path, description = "Key of the prompt template"),
        ("from" = Option<u32>, Query, minimum = 1, maximum = 4294967295_u32, description = "Version number. Default: the one before `to`"),
        ("from_label" = Option<LabelText>, Query, description = "A label instead of `from`"),
        ("to" = Option<u32>, Query, minimum = 1, maximum = 4294967295_u32, description = "Version number. Default: the latest"),
        ("to_label" = Option<LabelText>, Query, description = "A label instead of `to`"),
    ),
    responses(
        (status = 200, body = TemplateDiff, description = "The differences"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn get(request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
    request.only_query(&["from", "from_label", "to", "to_label"])?;
    let key = request.path("key", TemplateKey::parse)?;
    let (from, to) = (request.query("from", version_number)?, request.query("to", version_number)?);
    let (from_label, to_label) =
        (request.query("from_label", Label::parse)?, request.query("to_label", Label::parse)?);
    if from.is_some() && from_label.is_some() {
        return Err(ApiError::Unprocessable("`from` and `from_label`: send only one of them".to_owned()));
    }
    if to.is_some() && to_label.is_some() {
        return Err(ApiError::Unprocessable("`to` and `to_label`: send only one of them".to_owned()));
    }
    let to = read(session, &key, version_selector(to, to_label)?).await?;
    let from = match (from, from_label) {
        (None, None) if to.version == 1 => {
            return Err(ApiError::Unprocessable(
                "version 1 has no version before it: send `from`".to_owned(),
            ));
        }
        (None, None) => VersionSelector::Number(to.version - 1),
        (from, label) => version_selector(from, label)?,
    };
    let from = read(session, &key, from).await?;
    Ok(ApiResponse::json(200, &diff(key, &from, &to)))
}

async fn read(
    session: TenantSession<'_>,
    key: &TemplateKey,
    selector: VersionSelector,
) -> Result<StoredTemplate, ApiError> {
    let found = session.templates().get(key, &selector).await?;
    found.ok_or(ApiError::NotFound(selector.missing()))
}

fn diff(key: TemplateKey, from: &StoredTemplate, to: &StoredTemplate) -> TemplateDiff {
    let names = (format!("version {}", from.version), format!("version {}", to.version));
    let declared = |stored: &StoredTemplate| match &stored.variables {
        // Pretty JSON of a value always succeeds; members are sorted, so their order is no difference.
        Some(variables) => serde_json::to_string_pretty(variables).unwrap_or_default(),
        None => String::new(),
    };
    let described = |stored: &StoredTemplate| stored.description.clone().unwrap_or_default();
    let parts = [
        ("body", body(from), body(to)),
        ("description", described(from), described(to)),
        ("variables", declared(from), declared(to)),
    ];
    let differences = parts.into_iter().filter(|(_, old, new)| old != new).map(|(part, old, new)| {
        let compared = TextDiff::configure().timeout(PATIENCE).diff_lines(&old, &new);
        let unified = compared.unified_diff().header(&names.0, &names.1).to_string();
        Difference { part, unified }
    });
    TemplateDiff { key: key.into(), from: from.version, to: to.version, differences: differences.collect() }
}

/// Returns what a version says as lines: a text as it is, messages each below a line with their role.
fn body(stored: &StoredTemplate) -> String {
    match &stored.body {
        TemplateBody::Text(text) => text.clone(),
        TemplateBody::Messages(messages) => {
            messages.iter().map(|message| format!("[{}]\n{}\n", message.role.name(), message.body)).collect()
        }
    }
}
