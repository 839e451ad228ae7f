use std::time::Duration;

use aws_sdk_bedrockruntime::error::SdkError;
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, Message, SystemContentBlock,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde::{Deserialize, Serialize};

use crate::error::Classify;
use crate::{StoreError, TenantSession};

/// Longest wait for an answer. API Gateway waits 29 seconds for the whole request.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// Times a model is asked that says at once that it cannot answer now.
const ATTEMPTS: u32 = 3;
/// Longest pause before the second attempt; twice that before the third.
const PAUSE: Duration = Duration::from_millis(600);

/// One attempt by the SDK: it would also ask again where only the answer was lost, which
/// is billed twice and comes too late.
fn once() -> aws_sdk_bedrockruntime::config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ANSWER_WITHIN).build();
    aws_sdk_bedrockruntime::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

/// What an embedding model made of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub(crate) Vec<f32>);

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The platform's own instruction, the same for every tenant.
    pub system: &'static str,
    /// The user's turn, in order.
    pub user: Vec<String>,
    /// Most tokens to answer.
    pub max_tokens: u16,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TitanRequest<'a> {
    input_text: &'a str,
    dimensions: u32,
    normalize: bool,
}

#[derive(Deserialize)]
struct TitanResponse {
    embedding: Vec<f32>,
}

/// The models. Called with the tenant's session, so that the bill names the tenant:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html>
pub struct Models<'s> {
    session: TenantSession<'s>,
}

impl<'s> Models<'s> {
    pub(crate) fn new(session: TenantSession<'s>) -> Self {
        Self { session }
    }

    /// Embeds `text` with the model of the tenant's corpus.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn embed(&self, text: &str) -> Result<Embedding, StoreError> {
        const OPERATION: &str = "embed text";
        let profile = self.session.profile().await?;
        let body = TitanRequest { input_text: text, dimensions: profile.dimensions, normalize: true };
        let body =
            serde_json::to_vec(&body).map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        let answer = self
            .session
            .bedrock()
            .invoke_model()
            .model_id(&profile.embedding_model)
            .content_type("application/json")
            .accept("application/json")
            .body(body.into())
            .send()
            .await
            .during(OPERATION)?;
        let answer: TitanResponse = serde_json::from_slice(answer.body.as_ref())
            .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        if answer.embedding.len() != profile.dimensions as usize {
            return Err(StoreError::corrupt(OPERATION, "the embedding has another length than the index"));
        }
        Ok(Embedding(answer.embedding))
    }

    /// Asks `model`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn answer(&self, model: &str, prompt: &Prompt) -> Result<Answer, StoreError> {
        const OPERATION: &str = "ask model";
        let mut message = Message::builder().role(ConversationRole::User);
        for text in &prompt.user {
            message = message.content(ContentBlock::Text(text.clone()));
        }
        let message = message.build().map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        let call = self
            .session
            .bedrock()
            .converse()
            .model_id(model)
            .system(SystemContentBlock::Text(prompt.system.to_owned()))
            .messages(message)
            .inference_config(
                InferenceConfiguration::builder()
                    .max_tokens(i32::from(prompt.max_tokens))
                    .temperature(0.0)
                    .build(),
            );
        let answer = while_refused(|| call.clone().customize().config_override(once()).send()).await;
        let answer = answer.during(OPERATION)?;
        let usage =
            answer.usage.ok_or_else(|| StoreError::corrupt(OPERATION, "the model reports no usage"))?;
        let message = answer
            .output
            .as_ref()
            .and_then(|output| output.as_message().ok())
            .ok_or_else(|| StoreError::corrupt(OPERATION, "the model answered nothing"))?;
        let text = message
            .content
            .iter()
            .filter_map(|block| block.as_text().ok())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n");
        // `inputTokens` leaves out what came from the prompt cache.
        let cached = usage.cache_read_input_tokens.unwrap_or(0) + usage.cache_write_input_tokens.unwrap_or(0);
        let tokens = |n: i32| u64::try_from(n).unwrap_or(0);
        Ok(Answer {
            text,
            input_tokens: tokens(usage.input_tokens) + tokens(cached),
            output_tokens: tokens(usage.output_tokens),
        })
    }
}

/// Asks again, after a pause with full jitter, where the model refused at once; never
/// where an answer may have been lost.
async fn while_refused<F, R>(ask: impl Fn() -> F) -> Result<ConverseOutput, SdkError<ConverseError, R>>
where
    F: Future<Output = Result<ConverseOutput, SdkError<ConverseError, R>>>,
{
    let mut attempt = 1;
    loop {
        let refused = match ask().await {
            Err(SdkError::ServiceError(refused)) if attempt < ATTEMPTS && is_passing(refused.err()) => {
                refused
            }
            other => return other,
        };
        tracing::warn!(error = %refused.err(), attempt, "the model cannot answer now");
        tokio::time::sleep((PAUSE * attempt).mul_f64(fastrand::f64())).await;
        attempt += 1;
    }
}

fn is_passing(error: &ConverseError) -> bool {
    matches!(
        error,
        ConverseError::ThrottlingException(_)
            | ConverseError::ServiceUnavailableException(_)
            | ConverseError::ModelNotReadyException(_)
    )
}
