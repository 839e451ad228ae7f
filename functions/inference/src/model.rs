//! What clients send and receive.

use bulkhead_prompts::Variables;
use bulkhead_stores::Match;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest question, characters.
pub const MAX_QUESTION: usize = 4_000;
/// Most passages to answer from.
pub const MAX_PASSAGES: u8 = 20;
/// Most tokens of an answer.
pub const MAX_TOKENS: u16 = 4_096;

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Infer {
    /// Key of the template that says how to answer.
    #[schema(example = "default_summary")]
    pub template: String,
    /// A version of it; the latest if not given.
    pub version: Option<u32>,
    /// The question, 1 to 4,000 characters.
    #[schema(example = "How long do I have to cancel?")]
    pub question: String,
    /// Values of the template's variables.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: Variables,
    /// How to look for passages.
    #[serde(default)]
    pub retrieval: Retrieval,
    /// Most tokens to answer, 1 to 4,096; 512 if not given.
    pub max_tokens: Option<u16>,
}

/// How to look for passages.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    /// Most passages to answer from, 1 to 20; 4 if not given.
    pub limit: Option<u8>,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Inference {
    /// The text.
    pub answer: String,
    /// The template that was used.
    pub template: TemplateVersion,
    /// The passages it was given, best first. `[1]` in the text is the first of them.
    pub citations: Vec<Citation>,
    /// The model that answered.
    pub model: String,
    /// What it took.
    pub usage: Usage,
    /// Names this request in our logs.
    pub request_id: String,
}

/// A version of a template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateVersion {
    /// Its key.
    pub key: String,
    /// Its version.
    pub version: u32,
}

/// A passage of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Citation {
    /// The document's id.
    pub document: String,
    /// The document's title.
    pub title: String,
    /// The passage's position in the document, from 0.
    pub chunk: u32,
    /// Similarity with the question, at most 1.
    pub score: f32,
    /// The passage.
    pub text: String,
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
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
        }
    }
}
