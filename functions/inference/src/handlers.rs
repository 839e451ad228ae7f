//! The handler of the `infer` operation.

use bulkhead_models::Offer;
use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::documented::{
    BadRequest, NotFound, TemplateKeyText, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse, Events};
use bulkhead_stores::{AnswerStream, BudgetSettings, StoreError, TenantSession, Written};
use bulkhead_tenancy::names::TemplateKey;

use crate::asking::{self, Asked, Instructions, Question};
use crate::conversation::{self, Conversation};
use crate::generation::{Generation, Settings};
use crate::metering::Meter;
use crate::model::{
    CallOfTool, Citation, Found, Infer, Inference, Message, RenderTemplate, RenderedTemplate, Search,
    StreamCitations, StreamDelta, StreamDone, StreamEvent, StreamStart, Usage,
};
use crate::prompt::{self, Contents, Mark};
use crate::records;
use crate::retrieval;
use crate::template::{self, Wanted};

const MAX_BODY: usize = 256 * 1024;

/// Answers a question from the tenant's documents.
///
/// Renders the prompt template, finds the passages nearest to the question, and asks the model. Takes a question or a
/// conversation; with tools, the answer may be calls of tools that the caller runs. The record of the inference is kept
/// for 30 days, without the messages and the answer unless the request says `store`.
#[utoipa::path(
    post, path = "/v1/inference", operation_id = "infer", tag = "inference",
    request_body = Infer,
    responses(
        (status = 200, body = Inference, description = "The answer"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn infer(
    request: &ApiRequest,
    session: TenantSession<'_>,
    offer: &Offer,
    renderer: &Renderer,
    budgets: &BudgetSettings,
) -> Result<ApiResponse, ApiError> {
    let meter = Meter::new(request, session, budgets, "inference");
    let profile = session.profile().await?;
    let question = question(request, session, false).await?;
    let asked = asking::ask(request, session, meter, offer, renderer, &profile, question).await?;
    let (mut answer, answered) = asked.answer(session, meter).await?;
    let output = asked.generation.take_output(&mut answer)?;
    let usage = Usage::of(&answer);
    records::keep(session, &asked.id, asked.record(answered, &answer)).await;
    let fallback_for = asked.fallback_for(answered).map(str::to_owned);
    let Asked { id, template, prompt_sha256, found, .. } = asked;
    Ok(ApiResponse::json(
        200,
        &Inference {
            id: id.into(),
            answer: answer.text,
            output,
            tool_calls: answer.calls.into_iter().map(CallOfTool::from).collect(),
            finish_reason: answer.finish.into(),
            template: template.ok_or(ApiError::Fault)?,
            prompt_sha256,
            citations: found.into_iter().map(Citation::from).collect(),
            model: answered.id.to_string(),
            fallback_for,
            usage,
            request_id: request.request_id().to_owned(),
        },
    ))
}

/// Answers a question while the model writes the answer.
///
/// The same request as `POST /v1/inference`. The answer is a stream of server-sent events, each with an object as its
/// data: `start`, `citations`, `delta` (many), `usage` and `done`. With `output`, the deltas are parts of the JSON text.
/// An error after `start` is an event `error` with a problem, and ends the stream. A stream without `done` or `error` is
/// incomplete.
#[utoipa::path(
    post, path = "/v1/inference/stream", operation_id = "streamInference", tag = "inference",
    request_body = Infer,
    responses(
        (status = 200, body = StreamEvent, content_type = "text/event-stream", description = "The events"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn stream(
    request: &ApiRequest,
    session: TenantSession<'_>,
    offer: &Offer,
    renderer: &Renderer,
    budgets: &BudgetSettings,
    events: &mut Events<'_>,
) -> Result<(), ApiError> {
    let meter = Meter::new(request, session, budgets, "inference/stream");
    let profile = session.profile().await?;
    let question = question(request, session, true).await?;
    let asked = asking::ask(request, session, meter, offer, renderer, &profile, question).await?;
    // Before the first event, so that a refusal of the model is the answer.
    let (mut writing, answers, reserved) = asked.stream(session, meter).await?;
    let start = StreamStart {
        id: asked.id.as_str().to_owned(),
        template: asked.template.clone().ok_or(ApiError::Fault)?,
        prompt_sha256: asked.prompt_sha256.clone(),
        model: answers.id.to_string(),
        fallback_for: asked.fallback_for(answers).map(str::to_owned),
        request_id: request.request_id().to_owned(),
    };
    events.send("start", &start);
    events.send(
        "citations",
        &StreamCitations { citations: asked.found.iter().cloned().map(Citation::from).collect() },
    );
    let written = deltas(&mut writing, asked.generation.wants_output(), events).await;
    meter.settle_stream(reserved, answers, &writing).await;
    written?;
    let mut answer = writing.finish()?;
    events.send("usage", &Usage::of(&answer));
    let output = asked.generation.take_output(&mut answer)?;
    records::keep(session, &asked.id, asked.record(answers, &answer)).await;
    let tool_calls = answer.calls.into_iter().map(CallOfTool::from).collect();
    events.send("done", &StreamDone { finish_reason: answer.finish.into(), output, tool_calls });
    Ok(())
}

/// Sends the parts of an answer.
async fn deltas(
    writing: &mut AnswerStream,
    wants_output: bool,
    events: &mut Events<'_>,
) -> Result<(), StoreError> {
    while let Some(written) = writing.next().await? {
        let text = match written {
            Written::Text(text) => text,
            Written::Input(json) if wants_output => json,
            Written::Input(_) => continue,
        };
        events.send("delta", &StreamDelta { text });
    }
    Ok(())
}

/// Reads the question of a request.
async fn question(
    request: &ApiRequest,
    session: TenantSession<'_>,
    streamed: bool,
) -> Result<Question, ApiError> {
    request.only_query(&[])?;
    let infer: Infer = request.json(MAX_BODY)?;
    let template = Wanted::named(&infer.template, infer.version, infer.label, infer.variables)?;
    let mut messages = conversation::messages(infer.question.as_deref(), infer.messages)?;
    if let Some(before) = &infer.conversation {
        messages.splice(0..0, records::conversation(session, before).await?);
    }
    Ok(Question {
        model: infer.model,
        streamed,
        instructions: Instructions { template: Some(template), text: String::new() },
        conversation: conversation::read(&messages)?,
        messages,
        search: retrieval::optional_settings(&infer.retrieval)?,
        generation: Generation::of(Settings {
            max_tokens: infer.max_tokens,
            temperature: infer.temperature,
            stop: infer.stop,
            output: infer.output,
            tools: infer.tools,
            tool_choice: infer.tool_choice,
        })?,
        store: infer.store,
    })
}

/// Returns the passages for a question, without an answer of a model.
///
/// The passages are the ones that `POST /v1/inference` puts into its prompt.
#[utoipa::path(
    post, path = "/v1/search", operation_id = "search", tag = "inference",
    request_body = Search,
    responses(
        (status = 200, body = Found, description = "The passages"),
        (status = 400, response = BadRequest),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn search(
    request: &ApiRequest,
    session: TenantSession<'_>,
    budgets: &BudgetSettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let search: Search = request.json(MAX_BODY)?;
    let question = retrieval::question(&search.question)?;
    let settings = retrieval::optional_settings(&search.retrieval)?;
    let settings = settings.ok_or_else(|| {
        ApiError::Unprocessable("`retrieval.enabled`: a search without passages finds nothing".to_owned())
    })?;
    let found =
        retrieval::passages(session, Meter::new(request, session, budgets, "search"), question, settings)
            .await?;
    let passages = found.into_iter().map(Citation::from).collect();
    Ok(ApiResponse::json(200, &Found { passages, request_id: request.request_id().to_owned() }))
}

/// Renders a prompt template without asking the model.
///
/// Checks the variables as `POST /v1/inference` does, and returns the text and the messages that the model would
/// receive, without passages.
#[utoipa::path(
    post, path = "/v1/templates/{key}/render", operation_id = "renderTemplate", tag = "templates",
    params(("key" = TemplateKeyText, Path, description = "Key of the prompt template")),
    request_body = RenderTemplate,
    responses(
        (status = 200, body = RenderedTemplate, description = "The rendered prompt template"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn render(
    request: &ApiRequest,
    session: TenantSession<'_>,
    renderer: &Renderer,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let key = request.path("key", TemplateKey::parse)?;
    let RenderTemplate { version, label, variables, question } = request.json(MAX_BODY)?;
    let question = question.as_deref().map(retrieval::question).transpose()?;
    let wanted = Wanted { key, version, label, variables };
    let rendered = template::render(session, renderer, wanted).await?;
    let mark = Mark::random().ok_or(ApiError::Fault)?;
    let pseudonym = session.pseudonym();
    let contents = Contents {
        tenant: &pseudonym,
        instructions: rendered.instructions,
        passages: Some(&[]),
        conversation: Conversation::of(question).after(rendered.turns),
    };
    let prompt = prompt::build(contents, &Generation::default(), &mark);
    let mut messages = vec![Message { role: "system", content: vec![prompt.system.to_owned()] }];
    messages.extend(prompt.messages.into_iter().map(Message::from));
    let sha256 = prompt::sha256(&rendered.text);
    Ok(ApiResponse::json(
        200,
        &RenderedTemplate {
            template: rendered.template,
            text: rendered.text,
            sha256,
            messages,
            request_id: request.request_id().to_owned(),
        },
    ))
}
