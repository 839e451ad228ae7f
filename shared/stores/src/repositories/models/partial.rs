use serde_json::Value;

use super::{Answer, Finish, ToolCall};
use crate::error::StoreError;

/// What is known of an answer.
#[derive(Debug, Default)]
pub(super) struct Partial {
    pub(super) text: String,
    calls: Vec<PartialCall>,
    pub(super) finish: Option<Finish>,
    /// Input and output tokens.
    pub(super) tokens: Option<(u64, u64)>,
}

#[derive(Debug)]
struct PartialCall {
    id: String,
    name: String,
    input: String,
}

impl Partial {
    /// Begins the call of a tool.
    pub(super) fn begin_call(&mut self, id: String, name: String) {
        self.calls.push(PartialCall { id, name, input: String::new() });
    }

    /// Adds a part of the input of the last call. Returns whether there is a call.
    pub(super) fn write_call(&mut self, input: &str) -> bool {
        let Some(call) = self.calls.last_mut() else { return false };
        call.input.push_str(input);
        true
    }

    /// Returns the answer.
    ///
    /// # Errors
    /// The reason of the end or the usage is not known.
    pub(super) fn finish(self) -> Result<Answer, StoreError> {
        let mut finish = self
            .finish
            .ok_or_else(|| StoreError::corrupt(super::ASK, "the stream ended before the answer"))?;
        let (input_tokens, output_tokens) =
            self.tokens.ok_or_else(|| StoreError::corrupt(super::ASK, "the model reports no usage"))?;
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
