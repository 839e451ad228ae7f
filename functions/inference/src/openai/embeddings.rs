//! `POST /v1/embeddings`.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulkhead_runtime::http::documented::{BadRequest, TooLarge, Unprocessable, UnsupportedMediaType};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{BudgetSettings, Embedded, TenantSession, TextPurpose, Throttle};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::metering::Meter;
use crate::prompt::is_blank;

const MAX_BODY: usize = 256 * 1024;
/// Maximum texts of a request.
const MAX_INPUTS: usize = 64;
/// Maximum length of a text, characters. Source: `inputText` of Titan Text Embeddings V2.
const MAX_INPUT: usize = 50_000;

/// Longest wait for the tenant's turn at the embedding model.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Texts to embed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingRequest {
    /// The embedding model of the tenant, or `default`.
    #[schema(min_length = 1, max_length = 256, example = "default")]
    pub model: String,
    /// A text, or up to 64 texts.
    pub input: Inputs,
    /// The form of the vectors: `float`, or `base64` of 32-bit floats, little-endian. Default: `float`.
    #[serde(default)]
    pub encoding_format: EncodingFormat,
    /// Ignored.
    #[serde(default)]
    pub user: Option<String>,
}

/// One text or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or an array of texts")]
pub enum Inputs {
    /// One text.
    One(String),
    /// Several texts.
    Several(Vec<String>),
}

/// The form of a vector.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncodingFormat {
    /// An array of numbers.
    #[default]
    Float,
    /// 32-bit floats, little-endian, in base64.
    Base64,
}

/// The vectors.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingList {
    /// `list`.
    pub object: &'static str,
    /// One vector for each text, in order.
    pub data: Vec<EmbeddingEntry>,
    /// The model.
    pub model: String,
    /// Tokens used.
    pub usage: EmbeddingUsage,
}

/// A vector.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingEntry {
    /// `embedding`.
    pub object: &'static str,
    /// Position of the text, from 0.
    pub index: usize,
    /// The vector, of length 1.
    pub embedding: Vector,
}

/// A vector in one of its forms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// Base64.
    Base64(String),
}

/// Tokens of the texts.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingUsage {
    /// Tokens of the texts.
    pub prompt_tokens: u64,
    /// The same.
    pub total_tokens: u64,
}

/// Embeds texts with the model of the tenant's documents.
#[utoipa::path(
    post, path = "/v1/embeddings", operation_id = "createEmbeddings", tag = "openai",
    request_body = EmbeddingRequest,
    responses(
        (status = 200, body = EmbeddingList, description = "The vectors"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn create(
    request: &ApiRequest,
    session: TenantSession<'_>,
    rate: Throttle,
    budgets: &BudgetSettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let EmbeddingRequest { model, input, encoding_format, user: _ } = request.json(MAX_BODY)?;
    let texts = match input {
        Inputs::One(text) => vec![text],
        Inputs::Several(texts) => texts,
    };
    if !(1..=MAX_INPUTS).contains(&texts.len()) {
        return Err(ApiError::Unprocessable(format!("`input` must have 1 to {MAX_INPUTS} texts")));
    }
    let is_input = |text: &String| !is_blank(text) && text.chars().count() <= MAX_INPUT;
    if let Some(index) = texts.iter().position(|text| !is_input(text)) {
        let rule = format!("must have 1 to {MAX_INPUT} characters and not only blanks");
        return Err(ApiError::Unprocessable(format!("`input[{index}]` {rule}")));
    }
    let served = session.models().embedding_model().await?;
    if model != served && model != "default" {
        return Err(ApiError::Unprocessable(format!("`model` must be `default` or `{served}`")));
    }
    let calls = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    match session.embedding_rate(rate).reserve(calls, MAX_WAIT).await? {
        Some(wait) => tokio::time::sleep(wait).await,
        None => {
            let detail =
                format!("embedding rate exceeded: {} texts per second, documents included", rate.rate);
            return Err(ApiError::TooManyRequests { detail, retry_after: MAX_WAIT });
        }
    }
    let meter = Meter::new(request, session, budgets, "embeddings");
    let embedded = meter.embed(&texts, TextPurpose::Passage).await?;
    let tokens = embedded.iter().map(|each| each.tokens).sum();
    let entry = |(index, Embedded { vector, .. }): (usize, Embedded)| EmbeddingEntry {
        object: "embedding",
        index,
        embedding: match encoding_format {
            EncodingFormat::Float => Vector::Float(vector.into_floats()),
            EncodingFormat::Base64 => Vector::Base64(encoded(&vector.into_floats())),
        },
    };
    let data = embedded.into_iter().enumerate().map(entry).collect();
    let usage = EmbeddingUsage { prompt_tokens: tokens, total_tokens: tokens };
    Ok(ApiResponse::json(200, &EmbeddingList { object: "list", data, model: served, usage }))
}

fn encoded(floats: &[f32]) -> String {
    BASE64_STANDARD.encode(floats.iter().flat_map(|float| float.to_le_bytes()).collect::<Vec<_>>())
}
