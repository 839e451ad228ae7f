//! Prompts and answers in the forms of OpenAI's chat completions.
//!
//! <https://platform.openai.com/docs/api-reference/chat>

use bulkhead_models::Model;
use serde::Deserialize;
use serde_json::{Value, json};

use super::partial::Partial;
use super::{Answer, Finish, ModelMessage, ModelPart, ModelRole, Prompt, ToolChoice, Written};
use crate::error::StoreError;

/// The path of the interface.
pub(super) const CHAT: &str = "chat/completions";
/// The data of the last event of a stream.
pub(super) const DONE: &str = "[DONE]";

/// Reads a chunk of a stream.
pub(super) fn chunk(data: &str) -> Result<Completion, StoreError> {
    serde_json::from_str(data)
        .map_err(|error| StoreError::corrupt(super::ASK, format!("the endpoint's chunk: {error}")))
}

/// Returns the request for a prompt. `user` names the tenant without its id.
pub(super) fn request(model: &Model, user: &str, prompt: &Prompt, streamed: bool) -> Value {
    let mut messages = vec![json!({"role": "system", "content": prompt.system})];
    messages.extend(prompt.messages.iter().flat_map(message));
    let mut request = json!({
        "model": model.model.as_str(),
        "messages": messages,
        "max_tokens": super::max_tokens(prompt, model),
        "temperature": prompt.temperature,
        "user": user,
    });
    let mut set = |name: &str, value: Value| {
        if let Some(members) = request.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    if streamed {
        set("stream", true.into());
        set("stream_options", json!({"include_usage": true}));
    }
    if !prompt.stop.is_empty() {
        set("stop", json!(prompt.stop));
    }
    match prompt.tools.as_slice() {
        [] => {}
        // Servers restrict the text of an answer to a schema more often than they can force the call of a tool.
        [answer, ..] if prompt.json => {
            let schema = json!({"name": answer.name, "schema": answer.input_schema});
            set("response_format", json!({"type": "json_schema", "json_schema": schema}));
        }
        tools => {
            let function = |tool: &super::Tool| {
                let mut function = json!({"name": tool.name, "parameters": tool.input_schema});
                if let (Some(text), Some(members)) = (&tool.description, function.as_object_mut()) {
                    members.insert("description".to_owned(), json!(text));
                }
                json!({"type": "function", "function": function})
            };
            set("tools", tools.iter().map(function).collect());
            set(
                "tool_choice",
                match &prompt.tool_choice {
                    ToolChoice::Auto => json!("auto"),
                    ToolChoice::Any => json!("required"),
                    ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
                },
            );
        }
    }
    request
}

/// Returns a message in their form: each result of a tool is a separate message, before the text.
fn message(message: &ModelMessage) -> Vec<Value> {
    let (mut texts, mut calls, mut results) = (vec![], vec![], vec![]);
    for part in &message.parts {
        match part {
            ModelPart::Text(text) => texts.push(text.as_str()),
            ModelPart::Call(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.input.to_string()},
            })),
            ModelPart::Result { call, text } => {
                results.push(json!({"role": "tool", "tool_call_id": call, "content": text}));
            }
        }
    }
    let text = (!texts.is_empty()).then(|| texts.join("\n\n"));
    match message.role {
        ModelRole::Assistant if calls.is_empty() => {
            results.push(json!({"role": "assistant", "content": text}));
        }
        ModelRole::Assistant => {
            results.push(json!({"role": "assistant", "content": text, "tool_calls": calls}));
        }
        ModelRole::User => results.extend(text.map(|text| json!({"role": "user", "content": text}))),
    }
    results
}

/// A completion, or a chunk of one.
#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(alias = "delta")]
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Message {
    content: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    index: Option<usize>,
    id: Option<String>,
    #[serde(default)]
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Builds an answer from completions: one, or many chunks.
#[derive(Debug)]
pub(super) struct Building {
    partial: Partial,
    /// The position of the call that is being written.
    call: Option<usize>,
    /// The tool that takes an answer in JSON, if the prompt wants one.
    answer: Option<String>,
}

impl Building {
    pub(super) fn new(prompt: &Prompt) -> Self {
        let answer = prompt.tools.first().filter(|_| prompt.json).map(|tool| tool.name.clone());
        Self { partial: Partial::default(), call: None, answer }
    }

    /// Adds a completion. Returns what the model wrote with it.
    pub(super) fn take(&mut self, completion: Completion) -> Result<Vec<Written>, StoreError> {
        if let Some(error) = completion.error {
            let source = error.to_string().chars().take(500).collect::<String>().into();
            return Err(StoreError::Unavailable { operation: super::ASK, source });
        }
        if let Some(usage) = completion.usage {
            self.partial.tokens = Some((usage.prompt_tokens, usage.completion_tokens));
        }
        let mut written = vec![];
        let Some(choice) = completion.choices.into_iter().next() else { return Ok(written) };
        let Message { content, tool_calls } = choice.message.unwrap_or_default();
        if let Some(text) = content.filter(|text| !text.is_empty()) {
            match self.answer {
                Some(_) => written.push(Written::Input(text.clone())),
                None => written.push(Written::Text(text.clone())),
            }
            self.partial.text.push_str(&text);
        }
        for (position, call) in tool_calls.into_iter().flatten().enumerate() {
            let at = call.index.unwrap_or(position);
            if self.call != Some(at) {
                self.call = Some(at);
                let id = call.id.filter(|id| is_word(id)).unwrap_or_else(|| format!("call_{at}"));
                self.partial.begin_call(id, call.function.name.unwrap_or_default());
            }
            if let Some(input) = call.function.arguments.filter(|text| !text.is_empty()) {
                self.partial.write_call(&input);
                written.push(Written::Input(input));
            }
        }
        if let Some(reason) = choice.finish_reason {
            self.partial.finish = Some(finish(&reason));
        }
        Ok(written)
    }

    /// Returns the input and the output tokens, if the endpoint has reported them.
    pub(super) fn tokens(&self) -> Option<(u64, u64)> {
        self.partial.tokens
    }

    /// Returns the whole answer.
    pub(super) fn finish(mut self) -> Result<Answer, StoreError> {
        if let Some(name) = self.answer.filter(|_| self.partial.finish == Some(Finish::Stop)) {
            let text = std::mem::take(&mut self.partial.text);
            self.partial.begin_call("answer".to_owned(), name);
            self.partial.write_call(&text);
        }
        let mut answer = self.partial.finish()?;
        // Some servers say `stop` after the call of a tool that the request names.
        if answer.finish == Finish::Stop && !answer.calls.is_empty() {
            answer.finish = Finish::Calls;
        }
        Ok(answer)
    }
}

/// Returns whether a conversation can carry `id` back to us.
fn is_word(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn finish(reason: &str) -> Finish {
    match reason {
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::Calls,
        "content_filter" => Finish::Filtered,
        _ => Finish::Stop,
    }
}

#[cfg(test)]
mod tests {
    use bulkhead_models::Catalogue;

    use super::super::{Tool, ToolCall};
    use super::*;

    fn prompt() -> Prompt {
        Prompt {
            system: "SYSTEM",
            messages: vec![ModelMessage {
                role: ModelRole::User,
                parts: vec![ModelPart::Text("One.".into()), ModelPart::Text("Two?".into())],
            }],
            max_tokens: 7,
            temperature: 0.0,
            stop: vec![],
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            json: false,
        }
    }

    fn small() -> Model {
        Catalogue::parse(r#"[{"id": "s", "model": "small", "provider": "openai"}]"#)
            .expect("a catalogue")
            .get("s")
            .expect("the model")
            .clone()
    }

    fn tool() -> Tool {
        Tool {
            name: "tide".into(),
            description: Some("Tides.".into()),
            input_schema: json!({"type": "object"}),
        }
    }

    fn built(prompt: &Prompt, chunks: &[Value]) -> (Vec<Written>, Result<Answer, StoreError>) {
        let mut building = Building::new(prompt);
        let mut written = vec![];
        for chunk in chunks {
            let chunk = serde_json::from_value(chunk.clone()).expect("a chunk");
            written.extend(building.take(chunk).expect("no error"));
        }
        (written, building.finish())
    }

    #[test]
    fn a_prompt_is_a_chat() {
        let mut prompt = prompt();
        prompt.messages.extend([
            ModelMessage {
                role: ModelRole::Assistant,
                parts: vec![ModelPart::Call(ToolCall {
                    id: "c1".into(),
                    name: "tide".into(),
                    input: json!({"a": 1}),
                })],
            },
            ModelMessage {
                role: ModelRole::User,
                parts: vec![ModelPart::Result { call: "c1".into(), text: "Low.".into() }],
            },
        ]);
        prompt.stop = vec!["END".into()];
        prompt.tools = vec![tool()];
        prompt.tool_choice = ToolChoice::Any;
        let chat = request(&small(), "u1", &prompt, true);
        assert_eq!(
            chat["messages"],
            json!([
                {"role": "system", "content": "SYSTEM"},
                {"role": "user", "content": "One.\n\nTwo?"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "Low."},
            ])
        );
        assert_eq!(
            (&chat["model"], &chat["user"], &chat["max_tokens"]),
            (&json!("small"), &json!("u1"), &json!(7))
        );
        assert_eq!((&chat["stop"], &chat["tool_choice"]), (&json!(["END"]), &json!("required")));
        assert_eq!(chat["tools"][0]["function"]["description"], "Tides.");
        assert_eq!(chat["stream_options"]["include_usage"], true);

        prompt.json = true;
        let chat = request(&small(), "u1", &prompt, false);
        assert_eq!(chat["response_format"]["json_schema"]["name"], "tide");
        assert!(chat.get("tools").is_none() && chat.get("stream").is_none());
    }

    #[test]
    fn chunks_are_the_answer() {
        let delta =
            |delta: Value, reason: Value| json!({"choices": [{"delta": delta, "finish_reason": reason}]});
        let call = |index: usize, call: Value| {
            let mut call = call;
            call["index"] = index.into();
            delta(json!({"tool_calls": [call]}), Value::Null)
        };
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}});
        let (written, answer) = built(
            &prompt(),
            &[
                delta(json!({"role": "assistant", "content": ""}), Value::Null),
                delta(json!({"content": "At "}), Value::Null),
                delta(json!({"content": "seven."}), Value::Null),
                delta(json!({}), json!("stop")),
                usage.clone(),
            ],
        );
        assert_eq!(written, [Written::Text("At ".into()), Written::Text("seven.".into())]);
        let answer = answer.expect("an answer");
        assert_eq!((answer.text.as_str(), answer.finish), ("At seven.", Finish::Stop));
        assert_eq!((answer.input_tokens, answer.output_tokens), (5, 7));

        let (_, answer) = built(
            &prompt(),
            &[
                call(0, json!({"id": "a", "function": {"name": "tide", "arguments": "{\"d\":"}})),
                call(0, json!({"function": {"arguments": "1}"}})),
                call(1, json!({"id": "not a word", "function": {"name": "tide", "arguments": ""}})),
                delta(json!({}), json!("stop")),
                usage.clone(),
            ],
        );
        let answer = answer.expect("an answer");
        let call = |id: &str, input| ToolCall { id: id.into(), name: "tide".into(), input };
        assert_eq!(answer.calls, [call("a", json!({"d": 1})), call("call_1", json!({}))]);
        assert_eq!(answer.finish, Finish::Calls);

        let end = delta(json!({}), json!("stop"));
        for incomplete in [vec![], vec![usage.clone()], vec![end]] {
            assert!(built(&prompt(), &incomplete).1.is_err());
        }
        let failed = json!({"error": {"message": "overloaded"}});
        let failed = Building::new(&prompt()).take(serde_json::from_value(failed).expect("a chunk"));
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })));
    }

    #[test]
    fn an_answer_in_json_is_the_input_of_its_tool() {
        let prompt = Prompt { tools: vec![tool()], json: true, ..prompt() };
        let usage = json!({"prompt_tokens": 5, "completion_tokens": 7});
        let whole = |text: &str, reason: &str| {
            let message = json!({"content": text});
            json!({"choices": [{"message": message, "finish_reason": reason}], "usage": usage})
        };
        let (written, answer) = built(&prompt, &[whole("{\"a\":1}", "stop")]);
        assert_eq!(written, [Written::Input("{\"a\":1}".into())]);
        let answer = answer.expect("an answer");
        assert_eq!((answer.calls[0].input.clone(), answer.finish), (json!({"a": 1}), Finish::Calls));
        let cut = built(&prompt, &[whole("{\"a\":", "length")]).1.expect("an answer");
        assert!(cut.calls.is_empty() && cut.finish == Finish::Length);
        let malformed = built(&prompt, &[whole("no", "stop")]).1.expect("an answer");
        assert_eq!(malformed.finish, Finish::Malformed);
    }
}
