use std::time::Duration;

use aws_sdk_bedrockruntime::error::SdkError;
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, Message, SystemContentBlock,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde::{Deserialize, Serialize};

use crate::error::{Classify, StoreError};
use crate::session::TenantSession;

/// Longest wait for an answer. API Gateway waits 29 seconds for the whole request.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// Maximum attempts if the model refuses at once.
const ATTEMPTS: u32 = 3;
/// Longest pause before the second attempt. Doubles before the third.
const PAUSE: Duration = Duration::from_millis(600);

/// One attempt of the SDK. A retry after a lost answer is billed again and ends too late.
fn one_attempt() -> aws_sdk_bedrockruntime::config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ANSWER_WITHIN).build();
    aws_sdk_bedrockruntime::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

/// The embedding of a text: a vector of floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub(crate) Vec<f32>);

/// The input of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The platform's own instruction, the same for every tenant.
    pub system: &'static str,
    /// The user's message, as parts in order.
    pub user: Vec<String>,
    /// Maximum tokens of the answer.
    pub max_tokens: u16,
}

/// The output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Input tokens, including cached ones.
    pub input_tokens: u64,
    /// Output tokens.
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

/// The models. Called with the tenant's session, so that AWS bills the calls to the tenant's tag:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html>
pub struct Models<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the models, called with the tenant's session.
    pub fn models(&self) -> Models<'s> {
        Models { session: *self }
    }
}

impl Models<'_> {
    /// Embeds `text` with the model of the tenant's corpus.
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
            .or_else(|error| refused(OPERATION, error))?;
        let answer: TitanResponse = serde_json::from_slice(answer.body.as_ref())
            .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        if answer.embedding.len() != profile.dimensions as usize {
            return Err(StoreError::corrupt(OPERATION, "the length of the embedding differs from the index"));
        }
        Ok(Embedding(answer.embedding))
    }

    /// Sends `prompt` to `model` and returns the answer.
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
        let answer = retry_refused(|| call.clone().customize().config_override(one_attempt()).send()).await;
        let answer = answer.or_else(|error| refused(OPERATION, error))?;
        let usage =
            answer.usage.ok_or_else(|| StoreError::corrupt(OPERATION, "the model reports no usage"))?;
        let message = answer
            .output
            .as_ref()
            .and_then(|output| output.as_message().ok())
            .ok_or_else(|| StoreError::corrupt(OPERATION, "the model returned no message"))?;
        let text = message
            .content
            .iter()
            .filter_map(|block| block.as_text().ok())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n");
        // `inputTokens` does not include tokens from the prompt cache.
        let cached = usage.cache_read_input_tokens.unwrap_or(0) + usage.cache_write_input_tokens.unwrap_or(0);
        let tokens = |n: i32| u64::try_from(n).unwrap_or(0);
        Ok(Answer {
            text,
            input_tokens: tokens(usage.input_tokens) + tokens(cached),
            output_tokens: tokens(usage.output_tokens),
        })
    }
}

/// Parts of the messages with which Bedrock refuses a call because of its configuration: the model, its Region or the
/// account. Bedrock has one code for these faults and for those of the input.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>
const CONFIGURATION: [&str; 8] = [
    "model identifier",
    "model id",
    "inference profile",
    "on-demand throughput",
    "doesn't support the model",
    "is not supported",
    "isn't supported",
    "operation not allowed",
];

/// Parts of the messages about an input that is too long.
const TOO_LONG: [&str; 4] = ["too long", "too many input tokens", "maxlength", "maximum number of tokens"];

/// Tells a refused input from the other errors of a model.
fn refused<T, E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Result<T, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let message = match &error {
        SdkError::ServiceError(service) if service.err().code() == Some("ValidationException") => {
            service.err().message().unwrap_or_default().to_lowercase().replace('’', "'")
        }
        _ => return Err(error).during(operation),
    };
    if CONFIGURATION.iter().any(|part| message.contains(part)) {
        return Err(error).during(operation);
    }
    let too_long = TOO_LONG.iter().any(|part| message.contains(part));
    Err(StoreError::InputRefused { operation, too_long, source: Box::new(error) })
}

/// Repeats the call after a pause with full jitter if the model refuses at once. Never repeats a call whose
/// answer may have been lost.
async fn retry_refused<F, R>(ask: impl Fn() -> F) -> Result<ConverseOutput, SdkError<ConverseError, R>>
where
    F: Future<Output = Result<ConverseOutput, SdkError<ConverseError, R>>>,
{
    let mut attempt = 1;
    loop {
        let refused = match ask().await {
            Err(SdkError::ServiceError(refused)) if attempt < ATTEMPTS && is_temporary(refused.err()) => {
                refused
            }
            other => return other,
        };
        tracing::warn!(error = %refused.err(), attempt, "model refused the call");
        tokio::time::sleep((PAUSE * attempt).mul_f64(fastrand::f64())).await;
        attempt += 1;
    }
}

fn is_temporary(error: &ConverseError) -> bool {
    matches!(
        error,
        ConverseError::ThrottlingException(_)
            | ConverseError::ServiceUnavailableException(_)
            | ConverseError::ModelNotReadyException(_)
    )
}
