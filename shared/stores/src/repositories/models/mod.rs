mod converse;
mod embeddings;
mod openai;
mod partial;
mod stream;

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::error::SdkError;
use aws_sdk_bedrockruntime::types::SystemContentBlock;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bulkhead_models::{Choice, Model, Provider};
use serde_json::Value;

use crate::endpoint::Endpoint;
use crate::error::{Classify, StoreError};
use crate::platform::Guardrail;
use crate::quota::budget::Reserved;
use crate::session::TenantSession;

pub use embeddings::{Embedded, Embedding, TextPurpose};
pub use stream::{AnswerStream, Written};

/// Longest wait for an answer. API Gateway waits 29 seconds for the whole request.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// The shortest time that a fallback has for its answer.
const FALLBACK_TIME: Duration = Duration::from_secs(5);

const ASK: &str = "ask model";

/// Maximum attempts if the model refuses at once.
const ATTEMPTS: u32 = 3;
/// Longest pause before the second attempt. Doubles before the third.
const PAUSE: Duration = Duration::from_millis(600);

/// One attempt of the SDK. A retry after a lost answer is billed again and ends too late.
fn one_attempt(within: Duration) -> aws_sdk_bedrockruntime::config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(within).build();
    aws_sdk_bedrockruntime::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

/// The input of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The platform's own instruction, the same for every tenant.
    pub system: &'static str,
    /// The conversation: user and assistant in turn, beginning and ending with the user.
    pub messages: Vec<ModelMessage>,
    /// Maximum tokens of the answer.
    pub max_tokens: u16,
    /// How much the answer may vary, from 0 to 1.
    pub temperature: f32,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// Tools that the model may call.
    pub tools: Vec<Tool>,
    /// Which tools the model calls. Without tools it has no meaning.
    pub tool_choice: ToolChoice,
    /// Whether the only tool takes an answer in JSON, and is none of the caller's tools.
    pub json: bool,
}

impl Prompt {
    /// Returns the bytes of all that the model reads as text.
    pub(crate) fn bytes(&self) -> u64 {
        let size = |part: &ModelPart| match part {
            ModelPart::Text(text) => text.len(),
            ModelPart::Call(call) => call.id.len() + call.name.len() + call.input.to_string().len(),
            ModelPart::Result { call, text } => call.len() + text.len(),
        };
        let tool = |tool: &Tool| {
            let description = tool.description.as_ref().map_or(0, String::len);
            tool.name.len() + description + tool.input_schema.to_string().len()
        };
        let parts: usize = self.messages.iter().flat_map(|message| &message.parts).map(size).sum();
        let tools: usize = self.tools.iter().map(tool).sum();
        (self.system.len() + parts + tools) as u64
    }

    /// Returns the number of messages, parts of messages and tools.
    pub(crate) fn parts(&self) -> u64 {
        let parts: usize = self.messages.iter().map(|message| 1 + message.parts.len()).sum();
        (parts + self.tools.len()) as u64
    }
}

/// A message of a conversation with a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMessage {
    /// Who speaks.
    pub role: ModelRole,
    /// What they say, as parts in order.
    pub parts: Vec<ModelPart>,
}

/// Who speaks in a conversation with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelRole {
    /// The tenant's user, and the results of tools.
    User,
    /// The model.
    Assistant,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelPart {
    /// Text.
    Text(String),
    /// The model calls a tool.
    Call(ToolCall),
    /// The result of a call.
    Result {
        /// The id of the call.
        call: String,
        /// The result as text.
        text: String,
    },
}

/// A tool that a model may call. The caller of the API runs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// The name.
    pub name: String,
    /// When to use it.
    pub description: Option<String>,
    /// The JSON Schema of its input.
    pub input_schema: Value,
}

/// Which tools a model calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// At least one.
    Any,
    /// The tool with this name.
    Named(String),
}

/// A model's call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Identifies the call within the conversation.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The input, as the model wrote it: it may not match the tool's schema.
    pub input: Value,
}

/// The output of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// The calls of tools, in order.
    pub calls: Vec<ToolCall>,
    /// Why the answer ended.
    pub finish: Finish,
    /// Input tokens, including cached ones.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The answer is complete, or reached a stop text.
    Stop,
    /// The answer reached the maximum tokens, or the end of the model's context.
    Length,
    /// The model calls tools.
    Calls,
    /// A filter or a guardrail withheld the answer or a part of it.
    Filtered,
    /// The model wrote a call that cannot be read.
    Malformed,
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
    /// Sends `prompt` to the chosen model and returns the answer, with the model that answered.
    ///
    /// Asks the fallback once if the first model did not begin to work, never if it refuses the input.
    ///
    /// No answer without a reservation: `_reserved` is its proof.
    pub async fn answer<'m>(
        &self,
        _reserved: &Reserved,
        choice: Choice<'m>,
        prompt: &Prompt,
    ) -> Result<(Answer, &'m Model), StoreError> {
        let started = Instant::now();
        let first = self.answer_of(choice.model, prompt, ANSWER_WITHIN).await;
        let Some(fallback) = choice.fallback.filter(|_| first.as_ref().is_err_and(is_unavailable)) else {
            return first.map(|answer| (answer, choice.model));
        };
        let Some(left) = time_left(started) else { return first.map(|answer| (answer, choice.model)) };
        report_fallback(choice.model, fallback);
        Ok((self.answer_of(fallback, prompt, left).await?, fallback))
    }

    async fn answer_of(
        &self,
        model: &Model,
        prompt: &Prompt,
        within: Duration,
    ) -> Result<Answer, StoreError> {
        match model.provider {
            Provider::Bedrock => self.converse(model, prompt, within).await,
            Provider::Openai => {
                let request = self.chat(model, prompt, false);
                let completion = self.endpoint(ASK)?.ask(ASK, openai::CHAT, &request, within).await?;
                let mut answer = openai::Building::new(prompt);
                answer.take(completion)?;
                answer.finish()
            }
        }
    }

    async fn converse(&self, model: &Model, prompt: &Prompt, within: Duration) -> Result<Answer, StoreError> {
        let malformed = |what: &str| StoreError::corrupt(ASK, what);
        let call = self
            .session
            .bedrock()
            .converse()
            .model_id(model.model.as_str())
            .system(SystemContentBlock::Text(prompt.system.to_owned()))
            .set_messages(Some(converse::messages(prompt)?))
            .set_tool_config(converse::tools(prompt)?)
            .set_guardrail_config(self.session.guardrail().map(Guardrail::of_answers))
            .inference_config(converse::inference(prompt, model));
        let answer = retry_refused(|| call.clone().customize().config_override(one_attempt(within)).send());
        let answer = answer.await.or_else(|error| refused(ASK, error))?;
        let usage = answer.usage.ok_or_else(|| malformed("the model reports no usage"))?;
        let message = answer
            .output
            .as_ref()
            .and_then(|output| output.as_message().ok())
            .ok_or_else(|| malformed("the model returned no message"))?;
        let (input_tokens, output_tokens) = converse::tokens(&usage);
        let (text, calls) = converse::content(message);
        Ok(Answer { text, calls, finish: converse::finish(&answer.stop_reason), input_tokens, output_tokens })
    }

    fn chat(&self, model: &Model, prompt: &Prompt, streamed: bool) -> Value {
        openai::request(model, self.session.pseudonym().as_str(), prompt, streamed)
    }

    /// Returns the endpoint of models outside Bedrock.
    fn endpoint(&self, operation: &'static str) -> Result<&Endpoint, StoreError> {
        let missing = || {
            StoreError::corrupt(operation, "a model has the provider `openai`, but `MODEL_URL` is not set")
        };
        self.session.endpoint().ok_or_else(missing)
    }
}

/// Returns the maximum tokens of an answer, at most those of the model.
fn max_tokens(prompt: &Prompt, model: &Model) -> u16 {
    let most = model.max_output.map_or(u16::MAX, |most| u16::try_from(most).unwrap_or(u16::MAX));
    prompt.max_tokens.min(most)
}

/// Returns whether another model may answer: the first one did not read the prompt, or has no time for it.
fn is_unavailable(error: &StoreError) -> bool {
    // A call that may be billed is not repeated: its reservation covers one answer.
    matches!(error, StoreError::Throttled { .. } | StoreError::Unavailable { .. }) && !error.may_be_billed()
}

/// Returns the time that is left for a fallback; `None` if it is too short for an answer.
fn time_left(started: Instant) -> Option<Duration> {
    let left = ANSWER_WITHIN.saturating_sub(started.elapsed());
    (left >= FALLBACK_TIME).then_some(left)
}

fn report_fallback(from: &Model, to: &Model) {
    tracing::warn!(model = %from.id, fallback = %to.id, "model unavailable, fallback asked");
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
async fn retry_refused<T, E, R, F>(ask: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + std::fmt::Display,
    F: Future<Output = Result<T, SdkError<E, R>>>,
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

fn is_temporary(error: &impl ProvideErrorMetadata) -> bool {
    matches!(
        error.code(),
        Some("ThrottlingException" | "ServiceUnavailableException" | "ModelNotReadyException")
    )
}
