//! What a prompt template says: one text, or messages.

use bulkhead_prompts::{Template, VariablesSchema};
use bulkhead_rendering::{Part, Reads, RenderError, Renderer};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{TemplateBody, TemplateMessage, TemplateRole};

use crate::model;

/// Maximum messages of a prompt template.
const MAX_MESSAGES: usize = 20;

/// Returns what a request saves.
///
/// # Errors
/// 422 if it has a text and messages or neither, or if the order of the messages is wrong.
pub(crate) fn read(
    text: Option<String>,
    messages: Option<Vec<model::TemplateMessage>>,
) -> Result<TemplateBody, ApiError> {
    let messages = match (text, messages) {
        (Some(text), None) => return Ok(TemplateBody::Text(text)),
        (None, Some(messages)) => messages,
        _ => return Err(ApiError::Unprocessable("send either `body` or `messages`".to_owned())),
    };
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        return Err(ApiError::BadRequest(format!("`messages` must have 1 to {MAX_MESSAGES} messages")));
    }
    if messages.iter().map(|message| message.body.len()).sum::<usize>() > Template::MAX_BYTES {
        let problem = format!("`messages`: longer than {} bytes together", Template::MAX_BYTES);
        return Err(ApiError::Unprocessable(problem));
    }
    let messages: Vec<TemplateMessage> = messages.into_iter().map(TemplateMessage::from).collect();
    let begin = messages.iter().take_while(|message| message.role == TemplateRole::System).count();
    let turns = messages.get(begin..).unwrap_or_default();
    if let Some(late) = turns.iter().position(|message| message.role == TemplateRole::System) {
        let problem = format!("`messages[{}]`: messages of `system` stand before all others", begin + late);
        return Err(ApiError::Unprocessable(problem));
    }
    if turns.first().is_some_and(|message| message.role == TemplateRole::Assistant) {
        let problem = format!("`messages[{begin}]`: the first message after `system` must be of `user`");
        return Err(ApiError::Unprocessable(problem));
    }
    Ok(TemplateBody::Messages(messages))
}

/// Checks that `body` can render, and that it reads only the variables that it may read.
///
/// # Errors
/// 422 with the line, and with the message if there are several.
pub(crate) async fn check(
    renderer: &Renderer,
    body: &TemplateBody,
    schema: Option<&VariablesSchema>,
) -> Result<(), ApiError> {
    let checked = match body {
        TemplateBody::Text(text) => renderer.check(text, schema.map(VariablesSchema::names)).await,
        TemplateBody::Messages(messages) => {
            let reads = |role| match (role, schema) {
                // A value that a caller sends is no instruction, unless the declaration says so.
                (TemplateRole::System, schema) => {
                    Reads::Instruction(schema.map(VariablesSchema::instruction_names).unwrap_or_default())
                }
                (_, Some(schema)) => Reads::Declared(schema.names()),
                (_, None) => Reads::All,
            };
            let part =
                |message: &TemplateMessage| Part { source: message.body.clone(), reads: reads(message.role) };
            renderer.check_messages(messages.iter().map(part).collect()).await
        }
    };
    checked.map_err(|error| match error {
        RenderError::Refused(reason) => ApiError::Unprocessable(reason),
        error => {
            tracing::error!(error = chain(&error), "template check failed");
            ApiError::Fault
        }
    })
}
