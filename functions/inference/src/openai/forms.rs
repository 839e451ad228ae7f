//! The forms of a chat: requests and answers of `POST /v1/chat/completions`.

use std::collections::BTreeMap;

use bulkhead_prompts::Variables;
use bulkhead_runtime::http::documented::{LabelText, TemplateKeyText};
use bulkhead_runtime::http::fields::{object, objects, optional_object, optional_whole};
use bulkhead_tenancy::names::Label;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::model::{Citation, Retrieval, TemplateVersion};

/// A chat to complete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatCompletionRequest {
    /// A model of `GET /v1/models`, or `default`: the tenant's default.
    #[schema(min_length = 1, max_length = 256, example = "default")]
    pub model: String,
    /// The conversation. Messages of `system` and `developer` are instructions; they come first.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 100)]
    pub messages: Vec<CompletionMessage>,
    /// The same as `max_completion_tokens`.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 4_096)]
    pub max_tokens: Option<u16>,
    /// Maximum tokens of the answer. Default: 512.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 4_096)]
    pub max_completion_tokens: Option<u16>,
    /// How much the answer may vary. Default: 0.
    #[schema(minimum = 0, maximum = 1)]
    pub temperature: Option<f32>,
    /// Texts at which the answer ends.
    pub stop: Option<Stop>,
    /// Whether the answer comes in parts.
    #[serde(default)]
    pub stream: bool,
    /// Settings of a stream.
    #[serde(default, deserialize_with = "optional_object")]
    pub stream_options: Option<StreamOptions>,
    /// The form of the answer.
    #[serde(default, deserialize_with = "optional_object")]
    pub response_format: Option<ResponseFormat>,
    /// Tools that the model may call.
    #[serde(default, deserialize_with = "objects")]
    #[schema(max_items = 32)]
    pub tools: Vec<CompletionTool>,
    /// `auto`, `required`, or the function to call.
    pub tool_choice: Option<CompletionToolChoice>,
    /// Number of answers: 1.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 1)]
    pub n: Option<u8>,
    /// Whether the record of the inference keeps the messages and the answer.
    pub store: Option<bool>,
    /// Ignored.
    pub user: Option<String>,
    /// Ignored.
    #[schema(value_type = Option<i64>)]
    pub seed: Option<serde_json::Number>,
    /// Ignored: the model decides.
    pub parallel_tool_calls: Option<bool>,
    /// Ignored.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What OpenAI's interface does not have: the prompt template and the passages.
    #[serde(default, deserialize_with = "object")]
    pub bulkhead: Grounding,
}

/// The prompt template and the passages of a chat.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grounding {
    /// Key of the prompt template with the instructions. Default: only the messages of `system` are instructions.
    #[schema(value_type = Option<TemplateKeyText>)]
    pub template: Option<String>,
    /// Version of the prompt template. Default: the latest.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub version: Option<u32>,
    /// A label of the prompt template instead of a version number.
    #[schema(value_type = Option<LabelText>)]
    pub label: Option<Label>,
    /// Values for the variables of the prompt template.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: Variables,
    /// Settings of the passage search. Default: no passages.
    #[serde(default, deserialize_with = "optional_object")]
    pub retrieval: Option<Retrieval>,
}

/// A message of a chat.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletionMessage {
    /// Who speaks.
    pub role: CompletionRole,
    /// The text.
    pub content: Option<CompletionContent>,
    /// The calls of tools in a message of `assistant`.
    #[serde(default, deserialize_with = "objects")]
    #[schema(max_items = 32)]
    pub tool_calls: Vec<CompletionCall>,
    /// The call that a message of `tool` answers.
    pub tool_call_id: Option<String>,
    /// Ignored.
    pub name: Option<String>,
    /// Must be `null`.
    pub refusal: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompletionRole {
    /// Instructions.
    System,
    /// The same as `system`.
    Developer,
    /// The caller's user.
    User,
    /// The model.
    Assistant,
    /// A tool that the caller ran.
    Tool,
}

/// A text, or its parts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or an array of parts of type `text`")]
pub enum CompletionContent {
    /// The text.
    Text(String),
    /// The parts of the text.
    Parts(#[serde(deserialize_with = "objects")] Vec<CompletionPart>),
}

/// A part of a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletionPart {
    /// `text`.
    #[serde(rename = "type")]
    pub kind: TextKind,
    /// The text.
    pub text: String,
}

/// `text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// Text.
    Text,
}

/// The model's call of a tool.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletionCall {
    /// Position of the call; only in streams.
    #[serde(default, deserialize_with = "optional_whole", skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Identifies the call.
    pub id: String,
    /// `function`.
    #[serde(rename = "type")]
    pub kind: FunctionKind,
    /// The function and its arguments.
    #[serde(deserialize_with = "object")]
    pub function: CalledFunction,
}

/// `function`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FunctionKind {
    /// A function.
    Function,
}

/// A function and its arguments.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalledFunction {
    /// The name.
    pub name: String,
    /// The arguments as JSON text.
    pub arguments: String,
}

/// A tool that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletionTool {
    /// `function`.
    #[serde(rename = "type")]
    pub kind: FunctionKind,
    /// The function.
    #[serde(deserialize_with = "object")]
    pub function: FunctionDefinition,
}

/// A function that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionDefinition {
    /// The name.
    pub name: String,
    /// When to call it.
    pub description: Option<String>,
    /// The JSON Schema of the arguments, an object. Default: no arguments.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// Ignored: arguments are not checked.
    pub strict: Option<bool>,
}

/// Which functions the model calls.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected `auto`, `required` or an object with the function to call")]
pub enum CompletionToolChoice {
    /// `auto` or `required`.
    Mode(ToolMode),
    /// The function to call.
    Function(#[serde(deserialize_with = "object")] NamedFunction),
}

/// Whether the model calls functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolMode {
    /// The model decides.
    Auto,
    /// At least one.
    Required,
}

/// A function by its name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedFunction {
    /// `function`.
    #[serde(rename = "type")]
    pub kind: FunctionKind,
    /// The function.
    #[serde(deserialize_with = "object")]
    pub function: FunctionName,
}

/// The name of a function.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionName {
    /// The name.
    pub name: String,
}

/// One text or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or an array of texts")]
pub enum Stop {
    /// One text.
    One(String),
    /// Up to four texts.
    Several(Vec<String>),
}

/// Settings of a stream.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamOptions {
    /// Whether the last chunk has the tokens used.
    #[serde(default)]
    pub include_usage: bool,
}

/// The form of an answer.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFormat {
    /// Text.
    Text,
    /// JSON of a form.
    JsonSchema {
        /// The form.
        #[serde(deserialize_with = "object")]
        json_schema: JsonSchema,
    },
}

// The derived schema would allow unknown members.
impl PartialSchema for ResponseFormat {
    fn schema() -> RefOr<Schema> {
        let form = |kind: &str| {
            let kind = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind]));
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .property("type", kind)
                .required("type")
                .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        };
        let json = form("json_schema")
            .property("json_schema", Ref::from_schema_name(JsonSchema::name()))
            .required("json_schema");
        let one = OneOfBuilder::new().item(form("text")).item(json);
        RefOr::T(Schema::OneOf(one.description(Some("The form of an answer.")).build()))
    }
}

impl ToSchema for ResponseFormat {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((JsonSchema::name().into_owned(), JsonSchema::schema()));
        JsonSchema::schemas(schemas);
    }
}

/// The form of an answer in JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonSchema {
    /// Ignored.
    pub name: String,
    /// Ignored.
    pub description: Option<String>,
    /// The subset of JSON Schema that declared variables have: an object with `properties`.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// Ignored: answers are always checked.
    pub strict: Option<bool>,
}

/// A completed chat.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatCompletion {
    /// Id of the inference, for `GET /v1/inferences/{id}`.
    pub id: String,
    /// `chat.completion`; in a stream, `chat.completion.chunk`.
    pub object: &'static str,
    /// When the answer began, in seconds since 1970.
    pub created: i64,
    /// The model that answered.
    pub model: String,
    /// The answer. Empty in the chunk with the tokens.
    pub choices: Vec<Choice>,
    /// Tokens used. In a stream, only in the last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<CompletionUsage>,
    /// What the answer is based on. In a stream, only in the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulkhead: Option<Grounds>,
}

/// What an answer is based on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Grounds {
    /// The prompt template version, if the request named a prompt template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateVersion>,
    /// The model that was chosen, if it was throttled or unavailable and `model` answered in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_for: Option<String>,
    /// SHA-256 of the instructions in UTF-8, hexadecimal.
    pub prompt_sha256: String,
    /// The passages in the prompt, best first.
    pub citations: Vec<Citation>,
}

/// An answer, or a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Choice {
    /// Always 0.
    pub index: u32,
    /// The whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<CompletedMessage>,
    /// A part of the answer, in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<CompletedMessage>,
    /// Why the answer ended: `stop`, `length`, `tool_calls` or `content_filter`; `null` before its end.
    pub finish_reason: Option<&'static str>,
}

/// The message of the model.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct CompletedMessage {
    /// `assistant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The tools that the model calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CompletionCall>,
}

/// Tokens used.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}
