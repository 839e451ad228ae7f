//! Resolves and renders the prompt template that a request names.

use bulkhead_prompts::{Variables, VariablesSchema};
use bulkhead_rendering::{RenderError, Renderer};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::ApiError;
use bulkhead_runtime::http::version::version_selector;
use bulkhead_stores::{
    ModelMessage, ModelPart, ModelRole, StoredTemplate, TemplateBody, TemplateRole, TenantSession,
};
use bulkhead_tenancy::names::{Label, TemplateKey};

use crate::model::TemplateVersion;
use crate::prompt;

/// A prompt template, a version or a label of it, and the values of its variables.
pub(crate) struct Wanted {
    pub(crate) key: TemplateKey,
    pub(crate) version: Option<u32>,
    pub(crate) label: Option<Label>,
    pub(crate) variables: Variables,
}

/// A rendered prompt template.
pub(crate) struct Rendered {
    /// All of it, with the roles of its messages if it has messages.
    pub(crate) text: String,
    pub(crate) instructions: String,
    /// Turns before the conversation: user and assistant in turn, beginning with the user.
    pub(crate) turns: Vec<ModelMessage>,
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
    let (version, label) = (stored.version, selector.label().cloned());
    let (text, instructions, turns) = match stored.body {
        TemplateBody::Text(body) => {
            let rendered = renderer.render(&body, &variables).await;
            let text = rendered.map_err(|error| refused(&key, error))?;
            (text.clone(), text, vec![])
        }
        TemplateBody::Messages(messages) => {
            let (roles, bodies): (Vec<_>, Vec<_>) =
                messages.into_iter().map(|message| (message.role, message.body)).unzip();
            let rendered = renderer.render_messages(bodies, &variables).await;
            let texts = rendered.map_err(|error| refused(&key, error))?;
            let rendered: Vec<_> = roles.into_iter().zip(texts).collect();
            let all = rendered.iter().map(|(role, text)| format!("[{}]\n{text}", role.name()));
            let text = all.collect::<Vec<_>>().join("\n");
            let instructions = rendered.iter().filter(|(role, _)| *role == TemplateRole::System);
            let instructions: Vec<_> = instructions.map(|(_, text)| text.as_str()).collect();
            let instructions = instructions.join("\n\n");
            let turns = turns(rendered).ok_or_else(|| {
                let problem =
                    format!("template `{key}`: its first message of `user` renders to a blank text");
                ApiError::Unprocessable(problem)
            })?;
            (text, instructions, turns)
        }
    };
    Ok(Rendered { text, instructions, turns, template: TemplateVersion { key: key.into(), version, label } })
}

/// Joins the messages of one speaker, without blank ones, which a model refuses. Returns `None` if the assistant speaks
/// first.
fn turns(rendered: Vec<(TemplateRole, String)>) -> Option<Vec<ModelMessage>> {
    let mut turns: Vec<ModelMessage> = vec![];
    for (role, text) in rendered {
        let role = match role {
            TemplateRole::System => continue,
            TemplateRole::User => ModelRole::User,
            TemplateRole::Assistant => ModelRole::Assistant,
        };
        if prompt::is_blank(&text) {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == role => last.parts.push(ModelPart::Text(text)),
            _ => turns.push(ModelMessage { role, parts: vec![ModelPart::Text(text)] }),
        }
    }
    turns.first().is_none_or(|first| first.role == ModelRole::User).then_some(turns)
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
