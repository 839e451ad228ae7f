//! Request and response bodies.

use bulkhead_prompts::Variables;
use bulkhead_runtime::http::documented::{DocumentIdText, LabelText, TemplateKeyText};
use bulkhead_runtime::http::fields::{object, optional_whole};
use bulkhead_stores::Match;
use bulkhead_tenancy::names::Label;
use serde::{Deserialize, Serialize};
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
    /// The question. Blanks alone are no question.
    #[schema(example = "How long do I have to cancel?", min_length = 1, max_length = 4_000, pattern = r"\S")]
    pub question: String,
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
}

/// Settings of the passage search.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
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
    /// The text of the answer.
    pub answer: String,
    /// The prompt template version that was used.
    pub template: TemplateVersion,
    /// The passages in the prompt, best first. `[1]` in the answer refers to the first.
    pub citations: Vec<Citation>,
    /// The model that answered.
    pub model: String,
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
    /// The rendered text.
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
    /// `system` or `user`.
    pub role: &'static str,
    /// The content blocks.
    pub content: Vec<String>,
}

/// A version of a prompt template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateVersion {
    /// Key of the prompt template.
    pub key: String,
    /// Version number.
    pub version: u32,
    /// The label that selected this version, if the request named one.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// Text of the passages right before, in order; only with `retrieval.neighbours`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// Text of the passages right after, in order; only with `retrieval.neighbours`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

/// Tokens used by the model.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
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
            before: found.before,
            after: found.after,
        }
    }
}
