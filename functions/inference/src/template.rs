//! Resolves and renders the prompt template that a request names.

use bulkhead_prompts::{Variables, VariablesSchema};
use bulkhead_rendering::{RenderError, Renderer};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::ApiError;
use bulkhead_runtime::http::version::version_selector;
use bulkhead_stores::{StoredTemplate, TenantSession};
use bulkhead_tenancy::names::{Label, TemplateKey};

use crate::model::TemplateVersion;

/// A prompt template, a version or a label of it, and the values of its variables.
pub(crate) struct Wanted {
    pub(crate) key: TemplateKey,
    pub(crate) version: Option<u32>,
    pub(crate) label: Option<Label>,
    pub(crate) variables: Variables,
}

/// A rendered prompt template.
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) template: TemplateVersion,
}

impl Wanted {
    /// Returns the prompt template that a request names.
    ///
    /// # Errors
    /// 400 if `key` is no key of a prompt template.
    pub(crate) fn named(
        key: &str,
        version: Option<u32>,
        label: Option<Label>,
        variables: Variables,
    ) -> Result<Self, ApiError> {
        let key = TemplateKey::parse(key).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        Ok(Self { key, version, label, variables })
    }
}

/// Reads the prompt template, checks the variables and renders it.
///
/// # Errors
/// 404 if it does not exist, 422 if the request names a version and a label, or if it does not render.
pub(crate) async fn render(
    session: TenantSession<'_>,
    renderer: &Renderer,
    wanted: Wanted,
) -> Result<Rendered, ApiError> {
    let Wanted { key, version, label, variables } = wanted;
    let selector = version_selector(version, label)?;
    let found = session.templates().get(&key, &selector).await?;
    let stored = found.ok_or(ApiError::NotFound(selector.missing()))?;
    let variables = checked(&stored, variables)?;
    let text = renderer.render(&stored.body, &variables).await.map_err(|error| refused(&key, error))?;
    let label = selector.label().cloned();
    Ok(Rendered { text, template: TemplateVersion { key: key.into(), version: stored.version, label } })
}

/// Checks the variables against the declaration of the version and fills in defaults.
fn checked(stored: &StoredTemplate, variables: Variables) -> Result<Variables, ApiError> {
    let Some(declaration) = &stored.variables else { return Ok(variables) };
    // Checked when the version was saved.
    let schema = VariablesSchema::read(declaration).map_err(|error| {
        tracing::error!(error = chain(&error), "stored declaration malformed");
        ApiError::Fault
    })?;
    schema.apply(variables).map_err(|error| ApiError::Unprocessable(error.to_string()))
}

/// Returns the answer to a request whose prompt template was not rendered.
fn refused(key: &TemplateKey, error: RenderError) -> ApiError {
    match error {
        RenderError::Refused(reason) => ApiError::Unprocessable(format!("template `{key}`: {reason}")),
        error => {
            tracing::error!(error = chain(&error), "rendering failed");
            ApiError::Fault
        }
    }
}
