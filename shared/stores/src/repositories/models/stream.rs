//! Answers in parts, by Bedrock's ConverseStream API.

use std::time::Instant;

use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamOutput, SystemContentBlock,
};
use aws_smithy_runtime_api::client::result::SdkError;
use serde_json::Value;

use super::{
    ANSWER_WITHIN, Answer, Finish, Models, Prompt, ToolCall, converse, one_attempt, refused, retry_refused,
};
use crate::error::StoreError;

const OPERATION: &str = "ask model";

/// An answer that a model is writing.
pub struct AnswerStream {
    events: EventReceiver<ConverseStreamOutput, ConverseStreamOutputError>,
    started: Instant,
    answer: Partial,
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A part of the text.
    Text(String),
    /// A part of the input of a tool, which is JSON.
    Input(String),
}

/// What is known of an answer.
#[derive(Debug, Default)]
struct Partial {
    text: String,
    calls: Vec<PartialCall>,
    finish: Option<Finish>,
    tokens: Option<(u64, u64)>,
}

#[derive(Debug)]
struct PartialCall {
    id: String,
    name: String,
    input: String,
}

impl Models<'_> {
    /// Sends `prompt` to `model` and returns the answer while the model writes it.
    pub async fn stream(&self, model: &str, prompt: &Prompt) -> Result<AnswerStream, StoreError> {
        let started = Instant::now();
        let call = self
            .session
            .bedrock()
            .converse_stream()
            .model_id(model)
            .system(SystemContentBlock::Text(prompt.system.to_owned()))
            .set_messages(Some(converse::messages(prompt)?))
            .set_tool_config(converse::tools(prompt)?)
            .inference_config(converse::inference(prompt));
        let answer = retry_refused(|| call.clone().customize().config_override(one_attempt()).send()).await;
        let answer = answer.or_else(|error| refused(OPERATION, error))?;
        Ok(AnswerStream { events: answer.stream, started, answer: Partial::default() })
    }
}

impl AnswerStream {
    /// Returns the next part; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Written>, StoreError> {
        loop {
            let left = ANSWER_WITHIN.saturating_sub(self.started.elapsed());
            let event = tokio::time::timeout(left, self.events.recv()).await;
            let event = event
                .map_err(|late| StoreError::Unavailable { operation: OPERATION, source: Box::new(late) })?;
            let Some(event) = event.map_err(broken)? else { return Ok(None) };
            if let Some(written) = self.answer.take(event) {
                return Ok(Some(written));
            }
        }
    }

    /// Returns the input and the output tokens, if the model has reported them.
    pub fn tokens(&self) -> Option<(u64, u64)> {
        self.answer.tokens
    }

    /// Returns the whole answer, after the last part.
    pub fn finish(self) -> Result<Answer, StoreError> {
        self.answer.finish()
    }
}

impl Partial {
    /// Adds an event. Returns what the model wrote with it.
    fn take(&mut self, event: ConverseStreamOutput) -> Option<Written> {
        match event {
            ConverseStreamOutput::ContentBlockStart(start) => {
                if let Some(ContentBlockStart::ToolUse(call)) = start.start {
                    let input = String::new();
                    self.calls.push(PartialCall { id: call.tool_use_id, name: call.name, input });
                }
                None
            }
            ConverseStreamOutput::ContentBlockDelta(written) => match written.delta? {
                ContentBlockDelta::Text(text) => {
                    self.text.push_str(&text);
                    Some(Written::Text(text))
                }
                ContentBlockDelta::ToolUse(input) => {
                    self.calls.last_mut()?.input.push_str(&input.input);
                    Some(Written::Input(input.input))
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

    fn finish(self) -> Result<Answer, StoreError> {
        let mut finish = self
            .finish
            .ok_or_else(|| StoreError::corrupt(OPERATION, "the stream ended before the answer"))?;
        let (input_tokens, output_tokens) =
            self.tokens.ok_or_else(|| StoreError::corrupt(OPERATION, "the model reports no usage"))?;
        let mut calls = vec![];
        for PartialCall { id, name, input } in self.calls {
            // A call without input has no parts.
            let input = if input.is_empty() { "{}" } else { input.as_str() };
            match serde_json::from_str::<Value>(input) {
                Ok(input) => calls.push(ToolCall { id, name, input }),
                // The input is cut off or malformed.
                Err(_) if finish == Finish::Length => {}
                Err(_) => finish = Finish::Malformed,
            }
        }
        Ok(Answer { text: self.text, calls, finish, input_tokens, output_tokens })
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
        true => StoreError::Throttled { operation: OPERATION, source },
        false => StoreError::Unavailable { operation: OPERATION, source },
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_bedrockruntime::types::{
        ContentBlockDeltaEvent, ContentBlockStartEvent, ConverseStreamMetadataEvent, MessageStopEvent,
        StopReason, TokenUsage, ToolUseBlockDelta, ToolUseBlockStart,
    };
    use serde_json::json;

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
