//! Request and response bodies.

use bulkhead_prompts::Variables;
use bulkhead_runtime::http::Problem;
use bulkhead_runtime::http::documented::{
    DocumentIdText, InferenceIdText, LabelText, TemplateKeyText, TextRange, WordText,
};
use bulkhead_runtime::http::fields::{object, objects, optional_object, optional_whole};
use bulkhead_stores::{Answer, Finish, Match, ModelMessage, ModelPart, ModelRole};
use bulkhead_tenancy::names::Label;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Maximum length of a question in characters.
pub const MAX_QUESTION: usize = 4_000;
/// Maximum number of passages in a prompt.
pub const MAX_PASSAGES: u8 = 20;
/// Maximum number of passages before and after each passage.
pub const MAX_NEIGHBOURS: u8 = 2;
/// Maximum tokens of an answer.
pub const MAX_TOKENS: u16 = 4_096;

/// A question to answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Infer {
    /// Key of the prompt template with the instructions.
    #[schema(value_type = TemplateKeyText)]
    pub template: String,
    /// Version of the prompt template. Default: the latest.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub version: Option<u32>,
    /// A label of the prompt template instead of a version number.
    #[schema(value_type = Option<LabelText>)]
    pub label: Option<Label>,
    /// The question. Blanks alone are no question. Send either `question` or `messages`.
    #[schema(example = "How long do I have to cancel?", min_length = 1, max_length = 4_000, pattern = r"\S")]
    pub question: Option<String>,
    /// A conversation instead of a question: `user` first, then `assistant`, `tool` and `user` in turn; the last one is
    /// not of `assistant`. Passages are found for the last message of `user`.
    #[serde(default, deserialize_with = "objects")]
    #[schema(max_items = 100)]
    pub messages: Vec<ChatMessage>,
    /// The id of an inference that was asked with `store`: its messages and its answer stand before those of this
    /// request.
    #[schema(value_type = Option<InferenceIdText>)]
    pub conversation: Option<String>,
    /// A model of `GET /v1/models`, or `default`: the tenant's default. Default: `default`.
    #[schema(min_length = 1, max_length = 256, example = "default")]
    pub model: Option<String>,
    /// Values for the variables of the prompt template.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: Variables,
    /// Settings of the passage search.
    #[serde(default, deserialize_with = "object")]
    pub retrieval: Retrieval,
    /// Maximum tokens of the answer. Default: 512.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 4_096)]
    pub max_tokens: Option<u16>,
    /// How much the answer may vary. Default: 0.
    #[schema(minimum = 0, maximum = 1)]
    pub temperature: Option<f32>,
    /// Texts at which the answer ends; they are not part of it. Each has 1 to 64 characters.
    #[serde(default)]
    #[schema(max_items = 4)]
    pub stop: Vec<String>,
    /// The form of an answer in JSON. Not together with `tools`.
    #[serde(default, deserialize_with = "optional_object")]
    pub output: Option<Output>,
    /// Tools that the model may call. The caller runs them and sends their results as messages of `tool`.
    #[serde(default, deserialize_with = "objects")]
    #[schema(max_items = 32)]
    pub tools: Vec<ToolDefinition>,
    /// `auto`: the model decides. `any`: it calls at least one tool. Or the name of the tool that it calls. Default:
    /// `auto`.
    #[schema(min_length = 1, max_length = 64, example = "auto")]
    pub tool_choice: Option<String>,
    /// Whether the record of the inference keeps the messages and the answer, sealed, for 30 days. Default: it does not.
    #[serde(default)]
    pub store: bool,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: ChatRole,
    /// The text. A message of `assistant` may have only calls of tools; of `tool`, it is the result of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1)]
    pub content: Option<String>,
    /// The calls of tools in a message of `assistant`, as the answer had them.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 32)]
    pub tool_calls: Vec<CallOfTool>,
    /// The call that a message of `tool` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WordText>)]
    pub tool_call_id: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// The caller's user.
    User,
    /// The model.
    Assistant,
    /// A tool that the caller ran.
    Tool,
}

/// The model's call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ToolCall)]
pub struct CallOfTool {
    /// Identifies the call in the conversation.
    #[schema(value_type = WordText)]
    pub id: String,
    /// The name of the tool.
    #[schema(value_type = WordText)]
    pub name: String,
    /// The input as the model wrote it: it may not match the tool's schema.
    #[schema(value_type = Object)]
    pub input: Value,
}

/// A tool that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tool)]
pub struct ToolDefinition {
    /// The name, unique in the request. Not `auto` and not `any`.
    #[schema(value_type = WordText)]
    pub name: String,
    /// When to use the tool.
    #[schema(min_length = 1, max_length = 4_000)]
    pub description: Option<String>,
    /// The JSON Schema of the input, an object. It is passed to the model and not checked.
    #[schema(value_type = Object, example = json!({"type": "object", "properties": {"city": {"type": "string"}}}))]
    pub input_schema: Map<String, Value>,
}

/// The form of an answer in JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The subset of JSON Schema that declared variables have: an object with `properties`.
    #[schema(value_type = Object, example = json!({"type": "object", "properties": {"days": {"type": "integer"}}}))]
    pub schema: Value,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The answer is complete, or reached a text of `stop`.
    Stop,
    /// The answer reached `max_tokens`, or the end of the model's context.
    Length,
    /// The model calls tools.
    ToolCalls,
    /// A filter or a guardrail withheld the answer or a part of it.
    ContentFiltered,
    /// The model wrote a call that cannot be read. Ask again.
    MalformedCall,
}

impl From<Finish> for FinishReason {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Stop => Self::Stop,
            Finish::Length => Self::Length,
            Finish::Calls => Self::ToolCalls,
            Finish::Filtered => Self::ContentFiltered,
            Finish::Malformed => Self::MalformedCall,
        }
    }
}

/// Settings of the passage search.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    /// Whether to search for passages. Without passages, the model answers from the prompt template, the messages and
    /// the results of tools. Default: true.
    pub enabled: Option<bool>,
    /// Maximum number of passages to use. Default: 4.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 1, maximum = 20)]
    pub limit: Option<u8>,
    /// Minimum similarity to the question of a passage. Default: no minimum.
    #[schema(minimum = -1, maximum = 1)]
    pub min_score: Option<f32>,
    /// Passages to add before and after each passage, as its context. Default: 0.
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(minimum = 0, maximum = 2)]
    pub neighbours: Option<u8>,
    /// Which metadata the documents of the passages must have, such as `{"department": "legal", "year": {"$gte": 2020}}`.
    /// Operators: `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin` and `$exists` of a key; `$and` and `$or` of
    /// filters. Default: all documents.
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A question to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The question. Blanks alone are no question.
    #[schema(example = "How long do I have to cancel?", min_length = 1, max_length = 4_000, pattern = r"\S")]
    pub question: String,
    /// Settings of the passage search.
    #[serde(default, deserialize_with = "object")]
    pub retrieval: Retrieval,
}

/// The passages for a question.
#[derive(Debug, Serialize, ToSchema)]
pub struct Found {
    /// The passages, best first.
    pub passages: Vec<Citation>,
    /// Id of this request. Quote it when you ask for support.
    pub request_id: String,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Inference {
    /// Id of the inference, for `GET /v1/inferences/{id}`.
    #[schema(value_type = InferenceIdText)]
    pub id: String,
    /// The text of the answer. With `output`, the answer as JSON text; empty if the model only calls tools.
    pub answer: String,
    /// The answer in the form of `output.schema`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub output: Option<Map<String, Value>>,
    /// The tools that the model calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CallOfTool>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// The prompt template version that was used.
    pub template: TemplateVersion,
    /// SHA-256 of the rendered prompt template in UTF-8, hexadecimal: the `sha256` of a rendering with the same values.
    #[schema(pattern = "^[0-9a-f]{64}$", min_length = 64, max_length = 64)]
    pub prompt_sha256: String,
    /// The passages in the prompt, best first. `[1]` in the answer refers to the first.
    pub citations: Vec<Citation>,
    /// The model that answered.
    pub model: String,
    /// The model that was chosen, if it was throttled or unavailable and `model` answered in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_for: Option<String>,
    /// Tokens used.
    pub usage: Usage,
    /// Id of this request. Quote it when you ask for support.
    pub request_id: String,
}

/// What to render.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderTemplate {
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
    /// A question to put into the messages. Default: the messages end before the passages and the question.
    #[schema(example = "How long do I have to cancel?", min_length = 1, max_length = 4_000, pattern = r"\S")]
    pub question: Option<String>,
}

/// A rendered prompt template.
#[derive(Debug, Serialize, ToSchema)]
pub struct RenderedTemplate {
    /// The prompt template version that was rendered.
    pub template: TemplateVersion,
    /// The rendered text. Messages of a prompt template each stand below a line with their role: `[user]`.
    pub text: String,
    /// SHA-256 of the rendered text in UTF-8, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", min_length = 64, max_length = 64)]
    pub sha256: String,
    /// The messages that the model would receive, without passages.
    pub messages: Vec<Message>,
    /// Id of this request. Quote it when you ask for support.
    pub request_id: String,
}

/// A message to the model.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// The content blocks.
    pub content: Vec<String>,
}

/// The data of an event of a stream.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum StreamEvent {
    /// Of `start`.
    Start(StreamStart),
    /// Of `citations`.
    Citations(StreamCitations),
    /// Of `delta`.
    Delta(StreamDelta),
    /// Of `usage`.
    Usage(Usage),
    /// Of `done`.
    Done(StreamDone),
    /// Of `error`.
    Error(Problem),
}

/// The first event of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamStart {
    /// Id of the inference, for `GET /v1/inferences/{id}`.
    #[schema(value_type = InferenceIdText)]
    pub id: String,
    /// The prompt template version that is used.
    pub template: TemplateVersion,
    /// SHA-256 of the rendered prompt template in UTF-8, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", min_length = 64, max_length = 64)]
    pub prompt_sha256: String,
    /// The model that answers.
    pub model: String,
    /// The model that was chosen, if it was throttled or unavailable and `model` answered in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_for: Option<String>,
    /// Id of this request. Quote it when you ask for support.
    pub request_id: String,
}

/// The passages of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamCitations {
    /// The passages in the prompt, best first. `[1]` in the answer refers to the first.
    pub citations: Vec<Citation>,
}

/// A part of the answer's text.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamDelta {
    /// The part. All parts together are the text.
    pub text: String,
}

/// The last event of a complete stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamDone {
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// The answer in the form of `output.schema`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub output: Option<Map<String, Value>>,
    /// The tools that the model calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CallOfTool>,
}

/// The record of an inference. It is kept for 30 days.
#[derive(Debug, Serialize, ToSchema)]
pub struct InferenceRecord {
    /// Id of the inference.
    #[schema(value_type = InferenceIdText)]
    pub id: String,
    /// When the answer was complete, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// What was recorded.
    #[serde(flatten)]
    pub recorded: Recorded,
}

/// What is recorded of an inference. Sealed as a whole.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Recorded {
    /// Who asked: the subject of the token. `null` if the token named no subject.
    pub created_by: Option<String>,
    /// The prompt template version that was used. `null` if the request named no prompt template.
    pub template: Option<TemplateVersion>,
    /// SHA-256 of the instructions in UTF-8, hexadecimal: of the rendered prompt template, and of a text beside it.
    #[schema(pattern = "^[0-9a-f]{64}$", min_length = 64, max_length = 64)]
    pub prompt_sha256: String,
    /// The model that answered.
    pub model: String,
    /// The model that was chosen, if it was throttled or unavailable and `model` answered in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_for: Option<String>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// Tokens used.
    pub usage: Usage,
    /// The passages in the prompt, best first, without their text.
    pub passages: Vec<RecordedPassage>,
    /// The messages and the answer, if the request said `store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RecordedContent>,
}

/// A passage that was in a prompt.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedPassage {
    /// Id of the document.
    #[schema(value_type = DocumentIdText)]
    pub document: String,
    /// Revision of the document.
    #[schema(minimum = 1)]
    pub revision: u32,
    /// Position of the passage in the document, starting at 0.
    pub chunk: u32,
    /// Similarity to the question.
    pub score: f32,
}

/// The messages and the answer of an inference.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedContent {
    /// The messages of the request. A question is a message of `user`.
    pub messages: Vec<ChatMessage>,
    /// The text of the answer.
    pub answer: String,
    /// The tools that the model called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CallOfTool>,
}

impl From<ModelMessage> for Message {
    fn from(message: ModelMessage) -> Self {
        let role = match message.role {
            ModelRole::User => "user",
            ModelRole::Assistant => "assistant",
        };
        let text = |part| match part {
            ModelPart::Text(text) => Some(text),
            ModelPart::Call(_) | ModelPart::Result { .. } => None,
        };
        Self { role, content: message.parts.into_iter().filter_map(text).collect() }
    }
}

/// A version of a prompt template.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TemplateVersion {
    /// Key of the prompt template.
    pub key: String,
    /// Version number.
    pub version: u32,
    /// The label that selected this version, if the request named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LabelText>)]
    pub label: Option<Label>,
}

/// A passage of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Citation {
    /// Id of the document.
    #[schema(value_type = DocumentIdText)]
    pub document: String,
    /// Title of the document.
    pub title: String,
    /// Position of the passage in the document, starting at 0.
    pub chunk: u32,
    /// Similarity to the question, at most 1. The order also depends on words that the passage shares with the
    /// question.
    pub score: f32,
    /// Text of the passage. Its first line names the document and the headings, if it has any.
    pub text: String,
    /// The headings above the passage, outermost first.
    pub headings: Vec<String>,
    /// The page on which the passage begins, from 1; only in documents with pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub page: Option<u32>,
    /// The characters of the document's text that the passage holds. Passages that were indexed before ranges existed
    /// have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<TextRange>,
    /// Text of the passages right before, in order; only with `retrieval.neighbours`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// Text of the passages right after, in order; only with `retrieval.neighbours`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

/// Tokens used by the model.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
}

impl Usage {
    /// Returns the tokens of an answer.
    pub(crate) fn of(answer: &Answer) -> Self {
        Self { input_tokens: answer.input_tokens, output_tokens: answer.output_tokens }
    }
}

impl From<Match> for Citation {
    fn from(found: Match) -> Self {
        Self {
            document: found.document.into(),
            title: found.title,
            chunk: found.number,
            score: found.score,
            text: found.text,
            headings: found.headings,
            page: found.page,
            range: found.range.map(TextRange::from),
            before: found.before,
            after: found.after,
        }
    }
}
