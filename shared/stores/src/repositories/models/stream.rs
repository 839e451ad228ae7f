//! Answers in parts: Bedrock's ConverseStream API, or the stream of an endpoint.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamOutput, SystemContentBlock,
};
use aws_smithy_runtime_api::client::result::SdkError;
use bulkhead_models::{Choice, Model, Provider};

use super::openai::{self, Building};
use super::partial::Partial;
use super::{
    ANSWER_WITHIN, ASK, Answer, Models, Prompt, converse, is_unavailable, one_attempt, refused,
    retry_refused, time_left,
};
use crate::endpoint::Lines;
use crate::error::StoreError;
use crate::platform::Guardrail;
use crate::quota::budget::Reserved;

/// An answer that a model is writing.
pub struct AnswerStream {
    started: Instant,
    source: Source,
}

/// Where the parts come from, and the answer as far as it has come.
enum Source {
    Bedrock {
        events: EventReceiver<ConverseStreamOutput, ConverseStreamOutputError>,
        answer: Partial,
    },
    Endpoint {
        events: Lines,
        answer: Building,
        /// Parts that have come with one event and are not yet returned, in order.
        written: VecDeque<Written>,
    },
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A part of the text.
    Text(String),
    /// A part of the input of a tool, which is JSON.
    Input(String),
}

impl Models<'_> {
    /// Sends `prompt` to the chosen model and returns the answer while the model writes it, with the model that answers.
    ///
    /// Asks the fallback once if the first model did not begin to work.
    ///
    /// No answer without a reservation: `_reserved` is its proof.
    pub async fn stream<'m>(
        &self,
        _reserved: &Reserved,
        choice: Choice<'m>,
        prompt: &Prompt,
    ) -> Result<(AnswerStream, &'m Model), StoreError> {
        let started = Instant::now();
        let first = self.stream_of(choice.model, prompt, started, ANSWER_WITHIN).await;
        let Some(fallback) = choice.fallback.filter(|_| first.as_ref().is_err_and(is_unavailable)) else {
            return first.map(|stream| (stream, choice.model));
        };
        let Some(left) = time_left(started) else { return first.map(|stream| (stream, choice.model)) };
        super::report_fallback(choice.model, fallback);
        Ok((self.stream_of(fallback, prompt, started, left).await?, fallback))
    }

    async fn stream_of(
        &self,
        model: &Model,
        prompt: &Prompt,
        started: Instant,
        within: Duration,
    ) -> Result<AnswerStream, StoreError> {
        let source = match model.provider {
            Provider::Bedrock => {
                let call = self
                    .session
                    .bedrock()
                    .converse_stream()
                    .model_id(model.model.as_str())
                    .system(SystemContentBlock::Text(prompt.system.to_owned()))
                    .set_messages(Some(converse::messages(prompt)?))
                    .set_tool_config(converse::tools(prompt)?)
                    .set_guardrail_config(self.session.guardrail().map(Guardrail::of_streams))
                    .inference_config(converse::inference(prompt, model));
                let answer =
                    retry_refused(|| call.clone().customize().config_override(one_attempt(within)).send());
                let answer = answer.await.or_else(|error| refused(ASK, error))?;
                Source::Bedrock { events: answer.stream, answer: Partial::default() }
            }
            Provider::Openai => {
                let request = self.chat(model, prompt, true);
                let events = self.endpoint(ASK)?.stream(ASK, openai::CHAT, &request, within).await?;
                Source::Endpoint { events, answer: Building::new(prompt), written: VecDeque::new() }
            }
        };
        Ok(AnswerStream { started, source })
    }
}

impl AnswerStream {
    /// Returns the next part; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Written>, StoreError> {
        loop {
            let left = ANSWER_WITHIN.saturating_sub(self.started.elapsed());
            let late = |late| StoreError::Unavailable { operation: ASK, source: Box::new(late) };
            match &mut self.source {
                Source::Bedrock { events, answer } => {
                    let event = tokio::time::timeout(left, events.recv()).await.map_err(late)?;
                    let Some(event) = event.map_err(broken)? else { return Ok(None) };
                    if let Some(written) = answer.take(event) {
                        return Ok(Some(written));
                    }
                }
                Source::Endpoint { events, answer, written } => {
                    if let Some(part) = written.pop_front() {
                        return Ok(Some(part));
                    }
                    let event = tokio::time::timeout(left, events.next()).await.map_err(late)??;
                    match event.as_deref() {
                        None | Some(openai::DONE) => return Ok(None),
                        Some(data) => written.extend(answer.take(openai::chunk(data)?)?),
                    }
                }
            }
        }
    }

    /// Returns the input and the output tokens, if the model has reported them.
    pub fn tokens(&self) -> Option<(u64, u64)> {
        match &self.source {
            Source::Bedrock { answer, .. } => answer.tokens,
            Source::Endpoint { answer, .. } => answer.tokens(),
        }
    }

    /// Returns the whole answer, after the last part.
    pub fn finish(self) -> Result<Answer, StoreError> {
        match self.source {
            Source::Bedrock { answer, .. } => answer.finish(),
            Source::Endpoint { answer, .. } => answer.finish(),
        }
    }
}

impl Partial {
    /// Adds an event. Returns what the model wrote with it.
    fn take(&mut self, event: ConverseStreamOutput) -> Option<Written> {
        match event {
            ConverseStreamOutput::ContentBlockStart(start) => {
                if let Some(ContentBlockStart::ToolUse(call)) = start.start {
                    self.begin_call(call.tool_use_id, call.name);
                }
                None
            }
            ConverseStreamOutput::ContentBlockDelta(written) => match written.delta? {
                ContentBlockDelta::Text(text) => {
                    self.text.push_str(&text);
                    Some(Written::Text(text))
                }
                ContentBlockDelta::ToolUse(input) => {
                    self.write_call(&input.input).then_some(Written::Input(input.input))
                }
                // Reasoning and other blocks are not part of the answer.
                _ => None,
            },
            ConverseStreamOutput::MessageStop(stop) => {
                self.finish = Some(converse::finish(&stop.stop_reason));
                None
            }
            ConverseStreamOutput::Metadata(metadata) => {
                self.tokens = metadata.usage.as_ref().map(converse::tokens);
                None
            }
            _ => None,
        }
    }
}

/// Classifies an error within a stream. Its call is billed, so it is not repeated.
fn broken<R: std::fmt::Debug + Send + Sync + 'static>(
    error: SdkError<ConverseStreamOutputError, R>,
) -> StoreError {
    let throttled =
        matches!(error.as_service_error(), Some(ConverseStreamOutputError::ThrottlingException(_)));
    let source = Box::new(error);
    match throttled {
        true => StoreError::Throttled { operation: ASK, source },
        false => StoreError::Unavailable { operation: ASK, source },
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_bedrockruntime::types::{
        ContentBlockDeltaEvent, ContentBlockStartEvent, ConverseStreamMetadataEvent, MessageStopEvent,
        StopReason, TokenUsage, ToolUseBlockDelta, ToolUseBlockStart,
    };
    use serde_json::json;

    use super::super::{Finish, ToolCall};
    use super::*;

    fn delta(delta: ContentBlockDelta) -> ConverseStreamOutput {
        let event = ContentBlockDeltaEvent::builder().content_block_index(0).delta(delta).build();
        ConverseStreamOutput::ContentBlockDelta(event.expect("an event"))
    }

    fn input(part: &str) -> ConverseStreamOutput {
        delta(ContentBlockDelta::ToolUse(ToolUseBlockDelta::builder().input(part).build().expect("a delta")))
    }

    fn call() -> ConverseStreamOutput {
        let call = ToolUseBlockStart::builder().tool_use_id("c1").name("tide").build().expect("a call");
        let event = ContentBlockStartEvent::builder()
            .content_block_index(0)
            .start(ContentBlockStart::ToolUse(call))
            .build();
        ConverseStreamOutput::ContentBlockStart(event.expect("an event"))
    }

    fn stop(reason: StopReason) -> ConverseStreamOutput {
        ConverseStreamOutput::MessageStop(
            MessageStopEvent::builder().stop_reason(reason).build().expect("an event"),
        )
    }

    fn usage() -> ConverseStreamOutput {
        let usage = TokenUsage::builder().input_tokens(5).output_tokens(7).total_tokens(12).build();
        let usage = usage.expect("usage");
        ConverseStreamOutput::Metadata(ConverseStreamMetadataEvent::builder().usage(usage).build())
    }

    fn streamed(
        events: impl IntoIterator<Item = ConverseStreamOutput>,
    ) -> (Vec<Written>, Result<Answer, StoreError>) {
        let mut partial = Partial::default();
        let written = events.into_iter().filter_map(|event| partial.take(event)).collect();
        (written, partial.finish())
    }

    #[test]
    fn parts_of_a_text_are_the_text() {
        let text = |part: &str| delta(ContentBlockDelta::Text(part.to_owned()));
        let (written, answer) = streamed([text("At "), text("seven."), stop(StopReason::EndTurn), usage()]);
        assert_eq!(written, [Written::Text("At ".into()), Written::Text("seven.".into())]);
        let answer = answer.expect("an answer");
        assert_eq!((answer.text.as_str(), answer.finish), ("At seven.", Finish::Stop));
        assert_eq!((answer.input_tokens, answer.output_tokens), (5, 7));
    }

    #[test]
    fn parts_of_an_input_are_its_json() {
        let events = || [call(), input("{\"a\":"), input("1}"), stop(StopReason::ToolUse), usage()];
        let (written, answer) = streamed(events());
        assert_eq!(written.len(), 2);
        let answer = answer.expect("an answer");
        assert_eq!(answer.calls, [ToolCall { id: "c1".into(), name: "tide".into(), input: json!({"a": 1}) }]);
        assert_eq!(answer.finish, Finish::Calls);

        let (_, empty) = streamed([call(), stop(StopReason::ToolUse), usage()]);
        assert_eq!(empty.expect("an answer").calls[0].input, json!({}));
        let (_, cut) = streamed([call(), input("{\"a"), stop(StopReason::MaxTokens), usage()]);
        let cut = cut.expect("an answer");
        assert!(cut.calls.is_empty() && cut.finish == Finish::Length);
        let (_, malformed) = streamed([call(), input("{a"), stop(StopReason::ToolUse), usage()]);
        assert_eq!(malformed.expect("an answer").finish, Finish::Malformed);
    }

    #[test]
    fn an_answer_is_complete_with_its_reason_and_its_usage() {
        for events in [vec![], vec![usage()], vec![stop(StopReason::EndTurn)]] {
            assert!(streamed(events).1.is_err());
        }
    }
}
