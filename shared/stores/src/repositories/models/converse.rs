//! Prompts and answers in the types of Bedrock's Converse API.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

use std::collections::HashMap;

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, AutoToolChoice, ContentBlock, ConversationRole, InferenceConfiguration, Message,
    SpecificToolChoice, StopReason, TokenUsage, Tool as ConverseTool, ToolChoice as ConverseChoice,
    ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock, ToolSpecification,
    ToolUseBlock,
};
use aws_smithy_types::{Document, Number};
use bulkhead_models::Model;
use serde_json::Value;

use super::{Finish, ModelPart, ModelRole, Prompt, ToolCall, ToolChoice};
use crate::error::StoreError;

pub(super) fn messages(prompt: &Prompt) -> Result<Vec<Message>, StoreError> {
    let message = |message: &super::ModelMessage| {
        let role = match message.role {
            ModelRole::User => ConversationRole::User,
            ModelRole::Assistant => ConversationRole::Assistant,
        };
        let parts = message.parts.iter().map(part).collect::<Result<_, _>>()?;
        Message::builder().role(role).set_content(Some(parts)).build().map_err(incomplete)
    };
    prompt.messages.iter().map(message).collect()
}

fn part(part: &ModelPart) -> Result<ContentBlock, StoreError> {
    Ok(match part {
        ModelPart::Text(text) => ContentBlock::Text(text.clone()),
        ModelPart::Call(call) => ContentBlock::ToolUse(
            ToolUseBlock::builder()
                .tool_use_id(&call.id)
                .name(&call.name)
                .input(document(&call.input))
                .build()
                .map_err(incomplete)?,
        ),
        ModelPart::Result { call, text } => ContentBlock::ToolResult(
            ToolResultBlock::builder()
                .tool_use_id(call)
                .content(ToolResultContentBlock::Text(text.clone()))
                .build()
                .map_err(incomplete)?,
        ),
    })
}

pub(super) fn tools(prompt: &Prompt) -> Result<Option<ToolConfiguration>, StoreError> {
    if prompt.tools.is_empty() {
        return Ok(None);
    }
    let choice = match &prompt.tool_choice {
        ToolChoice::Auto => ConverseChoice::Auto(AutoToolChoice::builder().build()),
        ToolChoice::Any => ConverseChoice::Any(AnyToolChoice::builder().build()),
        ToolChoice::Named(name) => {
            ConverseChoice::Tool(SpecificToolChoice::builder().name(name).build().map_err(incomplete)?)
        }
    };
    let mut config = ToolConfiguration::builder().tool_choice(choice);
    for tool in &prompt.tools {
        let specification = ToolSpecification::builder()
            .name(&tool.name)
            .set_description(tool.description.clone())
            .input_schema(ToolInputSchema::Json(document(&tool.input_schema)))
            .build()
            .map_err(incomplete)?;
        config = config.tools(ConverseTool::ToolSpec(specification));
    }
    config.build().map(Some).map_err(incomplete)
}

pub(super) fn inference(prompt: &Prompt, model: &Model) -> InferenceConfiguration {
    InferenceConfiguration::builder()
        .max_tokens(i32::from(super::max_tokens(prompt, model)))
        .temperature(prompt.temperature)
        .set_stop_sequences((!prompt.stop.is_empty()).then(|| prompt.stop.clone()))
        .build()
}

/// Returns the input and the output tokens. `inputTokens` does not include tokens from the prompt cache.
pub(super) fn tokens(usage: &TokenUsage) -> (u64, u64) {
    let tokens = |n: i32| u64::try_from(n).unwrap_or(0);
    let cached =
        usage.cache_read_input_tokens.map_or(0, tokens) + usage.cache_write_input_tokens.map_or(0, tokens);
    (tokens(usage.input_tokens) + cached, tokens(usage.output_tokens))
}

/// Returns the text and the calls of a message.
pub(super) fn content(message: &Message) -> (String, Vec<ToolCall>) {
    let (mut texts, mut calls) = (vec![], vec![]);
    for block in &message.content {
        match block {
            ContentBlock::Text(text) => texts.push(text.as_str()),
            ContentBlock::ToolUse(call) => calls.push(ToolCall {
                id: call.tool_use_id.clone(),
                name: call.name.clone(),
                input: value(&call.input),
            }),
            // Reasoning and other blocks are not part of the answer.
            _ => {}
        }
    }
    (texts.join("\n"), calls)
}

pub(super) fn finish(reason: &StopReason) -> Finish {
    match reason {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => Finish::Length,
        StopReason::ToolUse => Finish::Calls,
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => Finish::Filtered,
        StopReason::MalformedModelOutput | StopReason::MalformedToolUse => Finish::Malformed,
        _ => Finish::Stop,
    }
}

fn incomplete(error: BuildError) -> StoreError {
    StoreError::corrupt("ask model", error.to_string())
}

fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(*value),
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Number::PosInt(number),
            (_, Some(number)) => Number::NegInt(number),
            _ => Number::Float(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(values) => Document::Array(values.iter().map(document).collect()),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), document(value));
            Document::Object(members.iter().map(member).collect::<HashMap<_, _>>())
        }
    }
}

fn value(document: &Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(value) => Value::Bool(*value),
        Document::Number(number) => match *number {
            Number::PosInt(number) => number.into(),
            Number::NegInt(number) => number.into(),
            Number::Float(number) => number.into(),
        },
        Document::String(text) => Value::String(text.clone()),
        Document::Array(values) => values.iter().map(value).collect(),
        Document::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), value(member))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_form_on_the_way_to_the_model_and_back() {
        let kept = json!({"a": [1, -2, 0.5, true, null, "x"], "b": {"c": {}}, "d": u64::MAX});
        assert_eq!(value(&document(&kept)), kept);
    }
}
