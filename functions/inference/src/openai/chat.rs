//! `POST /v1/chat/completions`.

use bulkhead_models::{Model, Offer};
use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::documented::{
    BadRequest, NotFound, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, Events};
use bulkhead_stores::{BudgetSettings, TenantSession, Written};

use super::forms::{
    CalledFunction, ChatCompletion, ChatCompletionRequest, Choice, CompletedMessage, CompletionCall,
    CompletionContent, CompletionMessage, CompletionRole, CompletionToolChoice, CompletionUsage,
    FunctionDefinition, FunctionKind, Grounding, Grounds, ResponseFormat, Stop, ToolMode,
};
use crate::asking::{self, Asked, Instructions, Question};
use crate::generation::{Generation, Settings};
use crate::metering::Meter;
use crate::model::{
    CallOfTool, ChatMessage, ChatRole, Citation, FinishReason, Output, ToolDefinition, Usage,
};
use crate::template::Wanted;
use crate::{conversation, records, retrieval};

const MAX_BODY: usize = 256 * 1024;

/// Completes a chat, in the form of OpenAI's interface.
///
/// With `stream`, the answer comes in chunks as server-sent events and ends with `[DONE]`. `bulkhead` names a prompt
/// template and turns on passages. Fields that OpenAI's interface has and this schema has not are refused.
#[utoipa::path(
    post, path = "/v1/chat/completions", operation_id = "createChatCompletion", tag = "openai",
    request_body = ChatCompletionRequest,
    responses(
        (status = 200, description = "The answer", content(
            (ChatCompletion = "application/json"),
            (ChatCompletion = "text/event-stream"),
        )),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn complete(
    request: &ApiRequest,
    session: TenantSession<'_>,
    offer: &Offer,
    renderer: &Renderer,
    budgets: &BudgetSettings,
    events: &mut Events<'_>,
) -> Result<(), ApiError> {
    request.only_query(&[])?;
    let chat: ChatCompletionRequest = request.json(MAX_BODY)?;
    let (stream, with_usage) =
        (chat.stream, chat.stream_options.as_ref().is_some_and(|each| each.include_usage));
    let meter = Meter::new(request, session, budgets, "chat/completions");
    let profile = session.profile().await?;
    let asked = asking::ask(request, session, meter, offer, renderer, &profile, question(chat)?).await?;
    match stream {
        true => in_chunks(session, meter, asked, with_usage, events).await,
        false => {
            events.whole(whole(session, meter, asked).await?);
            Ok(())
        }
    }
}

async fn whole(
    session: TenantSession<'_>,
    meter: Meter<'_>,
    asked: Asked<'_>,
) -> Result<ApiResponse, ApiError> {
    let (mut answer, answered) = asked.answer(session, meter).await?;
    asked.generation.take_output(&mut answer)?;
    records::keep(session, &asked.id, asked.record(answered, &answer)).await;
    let message = CompletedMessage {
        role: Some("assistant"),
        content: (answer.calls.is_empty() || !answer.text.is_empty()).then(|| answer.text.clone()),
        tool_calls: called(answer.calls.iter().cloned().map(CallOfTool::from), false),
    };
    let choice =
        Choice { index: 0, message: Some(message), delta: None, finish_reason: reason(answer.finish.into()) };
    let usage = Usage::of(&answer).into();
    let completion = ChatCompletion {
        choices: vec![choice],
        usage: Some(usage),
        bulkhead: Some(grounds(&asked, answered)),
        ..frame(&asked, answered, "chat.completion")
    };
    Ok(ApiResponse::json(200, &completion))
}

async fn in_chunks(
    session: TenantSession<'_>,
    meter: Meter<'_>,
    asked: Asked<'_>,
    with_usage: bool,
    events: &mut Events<'_>,
) -> Result<(), ApiError> {
    let (mut writing, answered, reserved) = asked.stream(session, meter).await?;
    let chunk = |delta: CompletedMessage, finish_reason| ChatCompletion {
        choices: vec![Choice { index: 0, message: None, delta: Some(delta), finish_reason }],
        ..frame(&asked, answered, "chat.completion.chunk")
    };
    let text = |text: String| CompletedMessage { content: Some(text), ..CompletedMessage::default() };
    let first = CompletedMessage { role: Some("assistant"), ..text(String::new()) };
    events.data(&ChatCompletion { bulkhead: Some(grounds(&asked, answered)), ..chunk(first, None) });
    let broken = loop {
        match writing.next().await {
            Ok(Some(Written::Text(part))) => events.data(&chunk(text(part), None)),
            Ok(Some(Written::Input(json))) if asked.generation.wants_output() => {
                events.data(&chunk(text(json), None));
            }
            Ok(Some(Written::Input(_))) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    meter.settle_stream(reserved, answered, &writing).await;
    if let Some(error) = broken {
        return Err(error.into());
    }
    let mut answer = writing.finish()?;
    let usage = Usage::of(&answer);
    asked.generation.take_output(&mut answer)?;
    records::keep(session, &asked.id, asked.record(answered, &answer)).await;
    let tool_calls = called(answer.calls.into_iter().map(CallOfTool::from), true);
    let last = CompletedMessage { tool_calls, ..CompletedMessage::default() };
    events.data(&chunk(last, reason(answer.finish.into())));
    if with_usage {
        events.data(&ChatCompletion {
            usage: Some(usage.into()),
            ..frame(&asked, answered, "chat.completion.chunk")
        });
    }
    events.done();
    Ok(())
}

/// Returns the question of a chat.
fn question(chat: ChatCompletionRequest) -> Result<Question, ApiError> {
    if chat.n.is_some_and(|n| n != 1) {
        return Err(ApiError::BadRequest("`n` must be 1".to_owned()));
    }
    let settings = Settings {
        max_tokens: chat.max_completion_tokens.or(chat.max_tokens),
        temperature: chat.temperature,
        stop: match chat.stop {
            None => vec![],
            Some(Stop::One(text)) => vec![text],
            Some(Stop::Several(texts)) => texts,
        },
        output: match chat.response_format {
            Some(ResponseFormat::JsonSchema { json_schema }) => Some(Output { schema: json_schema.schema }),
            Some(ResponseFormat::Text) | None => None,
        },
        tools: chat.tools.into_iter().map(|tool| tool.function.into()).collect(),
        tool_choice: chat.tool_choice.map(CompletionToolChoice::into_text),
    };
    let (instructions, messages) = read_messages(chat.messages)?;
    let Grounding { template, version, label, variables, retrieval } = chat.bulkhead;
    let template = match template {
        Some(key) => Some(Wanted::named(&key, version, label, variables)?),
        None if version.is_none() && label.is_none() && variables.is_empty() => None,
        None => {
            let detail = "`bulkhead.template` is missing: name the prompt template".to_owned();
            return Err(ApiError::Unprocessable(detail));
        }
    };
    Ok(Question {
        model: Some(chat.model),
        streamed: chat.stream,
        instructions: Instructions { template, text: instructions.join("\n\n") },
        conversation: conversation::read(&messages)?,
        messages,
        search: retrieval.as_ref().map(retrieval::optional_settings).transpose()?.flatten(),
        generation: Generation::of(settings)?,
        store: chat.store.unwrap_or(false),
    })
}

/// Splits the messages into instructions and the conversation.
fn read_messages(messages: Vec<CompletionMessage>) -> Result<(Vec<String>, Vec<ChatMessage>), ApiError> {
    let (mut instructions, mut conversation) = (vec![], vec![]);
    for (index, message) in messages.into_iter().enumerate() {
        let at = |defect: &str| ApiError::Unprocessable(format!("`messages[{index}]`: {defect}"));
        let role = match message.role {
            CompletionRole::System | CompletionRole::Developer if !conversation.is_empty() => {
                return Err(at("messages of `system` and `developer` must come first"));
            }
            CompletionRole::System | CompletionRole::Developer => {
                instructions.extend(message.content.map(CompletionContent::into_text));
                continue;
            }
            CompletionRole::User => ChatRole::User,
            CompletionRole::Assistant => ChatRole::Assistant,
            CompletionRole::Tool => ChatRole::Tool,
        };
        let call = |call: CompletionCall| {
            let input = serde_json::from_str(&call.function.arguments)
                .map_err(|_| at("`arguments` of a call of a tool must be JSON"))?;
            Ok(CallOfTool { id: call.id, name: call.function.name, input })
        };
        conversation.push(ChatMessage {
            role,
            content: message.content.map(CompletionContent::into_text),
            tool_calls: message.tool_calls.into_iter().map(call).collect::<Result<_, ApiError>>()?,
            tool_call_id: message.tool_call_id,
        });
    }
    Ok((instructions, conversation))
}

/// Returns a completion without choices.
fn frame(asked: &Asked<'_>, answered: &Model, object: &'static str) -> ChatCompletion {
    ChatCompletion {
        id: asked.id.as_str().to_owned(),
        object,
        created: asked.created_at.as_seconds(),
        model: answered.id.to_string(),
        choices: vec![],
        usage: None,
        bulkhead: None,
    }
}

fn grounds(asked: &Asked<'_>, answered: &Model) -> Grounds {
    Grounds {
        template: asked.template.clone(),
        fallback_for: asked.fallback_for(answered).map(str::to_owned),
        prompt_sha256: asked.prompt_sha256.clone(),
        citations: asked.found.iter().cloned().map(Citation::from).collect(),
    }
}

/// Returns the calls, numbered in a stream.
fn called(calls: impl Iterator<Item = CallOfTool>, numbered: bool) -> Vec<CompletionCall> {
    let call = |(index, call): (u32, CallOfTool)| CompletionCall {
        index: numbered.then_some(index),
        id: call.id,
        kind: FunctionKind::Function,
        function: CalledFunction { name: call.name, arguments: call.input.to_string() },
    };
    (0..).zip(calls).map(call).collect()
}

fn reason(finish: FinishReason) -> Option<&'static str> {
    Some(match finish {
        FinishReason::Stop | FinishReason::MalformedCall => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFiltered => "content_filter",
    })
}

impl CompletionContent {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => {
                let texts: Vec<_> = parts.into_iter().map(|part| part.text).collect();
                texts.join("\n")
            }
        }
    }
}

impl CompletionToolChoice {
    /// Returns the choice as the `tool_choice` of this API.
    fn into_text(self) -> String {
        match self {
            Self::Mode(ToolMode::Auto) => "auto".to_owned(),
            Self::Mode(ToolMode::Required) => "any".to_owned(),
            Self::Function(named) => named.function.name,
        }
    }
}

impl From<FunctionDefinition> for ToolDefinition {
    fn from(function: FunctionDefinition) -> Self {
        let mut input_schema = function.parameters;
        input_schema.entry("type").or_insert_with(|| "object".into());
        Self { name: function.name, description: function.description, input_schema }
    }
}

impl From<Usage> for CompletionUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens + usage.output_tokens,
        }
    }
}
