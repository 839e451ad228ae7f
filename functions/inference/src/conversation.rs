//! Reads the conversation of a request.

use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{ModelMessage, ModelPart, ModelRole, ToolCall};

use crate::model::{CallOfTool, ChatMessage, ChatRole, MAX_QUESTION};
use crate::{prompt, retrieval};

/// Maximum messages of a conversation.
const MAX_MESSAGES: usize = 100;
/// Maximum text of a conversation, bytes: that of a request's body. A record of it fits into an item of 400 KB.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_TEXT: usize = 256 * 1024;
/// Maximum length of the id and the name of a tool call, characters. Source: `ToolUseBlock` of the Converse API.
const MAX_WORD: usize = 64;

/// A conversation that a model can continue.
#[derive(Debug, PartialEq)]
pub(crate) struct Conversation {
    /// User and assistant in turn, beginning and ending with the user. No message is empty.
    pub(crate) messages: Vec<ModelMessage>,
    /// The message and the part with the last text of the user.
    pub(crate) question_at: (usize, usize),
    /// That text, at most as long as a question.
    pub(crate) question: String,
}

impl Conversation {
    /// Returns the conversation that only has a question, or that waits for one.
    pub(crate) fn of(question: Option<&str>) -> Self {
        let parts = question.map(|text| ModelPart::Text(text.to_owned())).into_iter().collect();
        Self {
            messages: vec![ModelMessage { role: ModelRole::User, parts }],
            question_at: (0, 0),
            question: question.unwrap_or_default().to_owned(),
        }
    }

    /// Returns the conversation after `turns`, which begin with the user.
    pub(crate) fn after(mut self, turns: Vec<ModelMessage>) -> Self {
        let mut messages = turns;
        let mut own = std::mem::take(&mut self.messages).into_iter();
        let (message, part) = &mut self.question_at;
        match (messages.last_mut(), own.next()) {
            (Some(last), Some(first)) if last.role == first.role => {
                if *message == 0 {
                    *part += last.parts.len();
                }
                last.parts.extend(first.parts);
                *message += messages.len() - 1;
            }
            (_, first) => {
                *message += messages.len();
                messages.extend(first);
            }
        }
        messages.extend(own);
        Self { messages, ..self }
    }

    /// Returns whether the model called tools.
    pub(crate) fn has_calls(&self) -> bool {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        parts.into_iter().any(|part| matches!(part, ModelPart::Call(_)))
    }
}

impl ChatMessage {
    /// Returns a message of the user.
    pub(crate) fn user(text: &str) -> Self {
        Self { role: ChatRole::User, content: Some(text.to_owned()), tool_calls: vec![], tool_call_id: None }
    }

    /// Returns the size of the message's text and of its calls of tools, bytes.
    fn size(&self) -> usize {
        let calls = self.tool_calls.iter().map(|call| call.name.len() + call.input.to_string().len());
        self.content.as_ref().map_or(0, String::len) + calls.sum::<usize>()
    }
}

/// Returns the messages of a request that has either a question or messages.
///
/// # Errors
/// 422 if it has both or neither; 400 if the question is too long.
pub(crate) fn messages(
    question: Option<&str>,
    messages: Vec<ChatMessage>,
) -> Result<Vec<ChatMessage>, ApiError> {
    match question {
        Some(text) if messages.is_empty() => Ok(vec![ChatMessage::user(retrieval::question(text)?)]),
        None if !messages.is_empty() => Ok(messages),
        _ => Err(ApiError::Unprocessable("send either `question` or `messages`".to_owned())),
    }
}

/// Checks the order of `messages` and joins those of one speaker.
///
/// # Errors
/// 422 that names the message.
pub(crate) fn read(messages: &[ChatMessage]) -> Result<Conversation, ApiError> {
    if messages.len() > MAX_MESSAGES {
        return Err(ApiError::Unprocessable(format!("`messages` must have at most {MAX_MESSAGES} messages")));
    }
    let text: usize = messages.iter().map(ChatMessage::size).sum();
    if text > MAX_TEXT {
        let problem = format!("`messages`: longer than {MAX_TEXT} bytes together; begin a new conversation");
        return Err(ApiError::Unprocessable(problem));
    }
    let (mut joined, mut open): (Vec<ModelMessage>, Vec<&str>) = (vec![], vec![]);
    let mut question = None;
    for (index, message) in messages.iter().enumerate() {
        let (role, parts) = parts(message, &mut open).map_err(|defect| at(index, &defect))?;
        if joined.is_empty() && role != ModelRole::User {
            return Err(at(index, "the first message must be of `user`"));
        }
        match joined.last_mut() {
            // Most models refuse text beside the results of tools.
            Some(last) if last.role == role && is_result(last) != (message.role == ChatRole::Tool) => {
                return Err(at(index, "the results of tools need an answer of `assistant` first"));
            }
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => joined.push(ModelMessage { role, parts }),
        }
        if message.role == ChatRole::User {
            let last = joined.last().map_or(0, |last| last.parts.len());
            question = Some(((joined.len() - 1, last - 1), message.content.as_deref().unwrap_or_default()));
        }
    }
    if !open.is_empty() || joined.last().is_none_or(|last| last.role == ModelRole::Assistant) {
        let defect = "the last message must be of `user`, or the result of the last call of a tool";
        return Err(at(messages.len().saturating_sub(1), defect));
    }
    let (question_at, text) = question.ok_or_else(|| at(0, "the first message must be of `user`"))?;
    Ok(Conversation { messages: joined, question_at, question: shortened(text) })
}

/// Returns whether a message has results of tools.
fn is_result(message: &ModelMessage) -> bool {
    message.parts.iter().any(|part| matches!(part, ModelPart::Result { .. }))
}

/// Returns the speaker and the parts of a message. `open` are the calls whose results have not come yet.
fn parts<'m>(
    message: &'m ChatMessage,
    open: &mut Vec<&'m str>,
) -> Result<(ModelRole, Vec<ModelPart>), String> {
    let text = message.content.as_deref().filter(|text| !prompt::is_blank(text));
    if message.role != ChatRole::Assistant && !message.tool_calls.is_empty() {
        return Err("only a message of `assistant` has `tool_calls`".to_owned());
    }
    if message.role != ChatRole::Tool && message.tool_call_id.is_some() {
        return Err("only a message of `tool` has `tool_call_id`".to_owned());
    }
    if let Some(call) = open.first().filter(|_| message.role != ChatRole::Tool) {
        return Err(format!("the call `{call}` has no result: send a message of `tool` first"));
    }
    match message.role {
        ChatRole::User => {
            let text = text.ok_or("`content` is missing or blank")?;
            Ok((ModelRole::User, vec![ModelPart::Text(text.to_owned())]))
        }
        ChatRole::Assistant => {
            let mut parts: Vec<_> = text.map(|text| ModelPart::Text(text.to_owned())).into_iter().collect();
            for call in &message.tool_calls {
                if !is_word(&call.id) || !is_word(&call.name) || open.contains(&call.id.as_str()) {
                    let rule = "1 to 64 letters, digits, `_` or `-`";
                    return Err(format!("a tool call needs a separate `id` and a `name`, each of {rule}"));
                }
                open.push(&call.id);
                parts.push(ModelPart::Call(ToolCall::from(call)));
            }
            match parts.is_empty() {
                true => Err("`content` is missing or blank".to_owned()),
                false => Ok((ModelRole::Assistant, parts)),
            }
        }
        ChatRole::Tool => {
            let id = message.tool_call_id.as_deref().ok_or("`tool_call_id` is missing")?;
            let place = open.iter().position(|call| *call == id);
            open.remove(place.ok_or_else(|| {
                "`tool_call_id` is not the id of a call in the message of `assistant` before".to_owned()
            })?);
            let text = text.ok_or("`content` is missing or blank")?.to_owned();
            Ok((ModelRole::User, vec![ModelPart::Result { call: id.to_owned(), text }]))
        }
    }
}

/// Returns whether `text` can be an id or a name of a tool.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn at(index: usize, defect: &str) -> ApiError {
    ApiError::Unprocessable(format!("`messages[{index}]`: {defect}"))
}

/// Returns the end of `text`, where a long message asks its question.
fn shortened(text: &str) -> String {
    let text = text.trim();
    text.chars().skip(text.chars().count().saturating_sub(MAX_QUESTION)).collect()
}

impl From<&CallOfTool> for ToolCall {
    fn from(call: &CallOfTool) -> Self {
        Self { id: call.id.clone(), name: call.name.clone(), input: call.input.clone() }
    }
}

impl From<ToolCall> for CallOfTool {
    fn from(call: ToolCall) -> Self {
        Self { id: call.id, name: call.name, input: call.input }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(messages: serde_json::Value) -> Result<Conversation, String> {
        let messages: Vec<ChatMessage> = serde_json::from_value(messages).expect("messages");
        read(&messages).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> ModelPart {
        ModelPart::Text(text.to_owned())
    }

    #[test]
    fn turns_of_a_template_stand_before_the_conversation() {
        let turn = |role, said: &str| ModelMessage { role, parts: vec![text(said)] };
        let own = || said(json!([{"role": "user", "content": "Q?"}])).expect("a conversation");
        let (user, assistant) = (ModelRole::User, ModelRole::Assistant);
        let cases = [
            (vec![], (0, 0)),
            (vec![turn(user, "a")], (0, 1)),
            (vec![turn(user, "a"), turn(assistant, "b")], (2, 0)),
            (vec![turn(user, "a"), turn(assistant, "b"), turn(user, "c")], (2, 1)),
        ];
        for (turns, question_at) in cases {
            let count = turns.len();
            let joined = own().after(turns);
            assert_eq!(joined.question_at, question_at);
            let (message, part) = question_at;
            assert_eq!(joined.messages[message].parts[part], text("Q?"));
            assert_eq!(joined.messages.len(), if part > 0 { count } else { count + 1 });
            assert!(joined.messages.windows(2).all(|pair| pair[0].role != pair[1].role));
        }
    }

    #[test]
    fn messages_of_one_speaker_are_joined() {
        let conversation = said(json!([
            {"role": "user", "content": "One."},
            {"role": "user", "content": "Two?"},
            {"role": "assistant", "content": "Three."},
            {"role": "user", "content": " Four? "},
        ]))
        .expect("a conversation");
        let roles: Vec<_> = conversation.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [ModelRole::User, ModelRole::Assistant, ModelRole::User]);
        assert_eq!(conversation.messages[0].parts, [text("One."), text("Two?")]);
        assert_eq!((conversation.question.as_str(), conversation.question_at), ("Four?", (2, 0)));
    }

    #[test]
    fn results_follow_their_calls() {
        let call = |id: &str| json!({"id": id, "name": "ferry", "input": {"day": "Monday"}});
        let asked = json!({"role": "user", "content": "When?"});
        let calls = json!({"role": "assistant", "tool_calls": [call("a"), call("b")]});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "At seven."});
        let conversation = said(json!([asked, calls, result("b"), result("a")])).expect("a conversation");
        assert_eq!(conversation.messages.len(), 3, "both results are one message of the user");
        assert_eq!(conversation.question_at, (0, 0));
        let answer = json!({"role": "assistant", "content": "At seven."});
        let again =
            json!([asked, calls, result("b"), result("a"), answer, {"role": "user", "content": "And back?"}]);
        assert_eq!(said(again).expect("a conversation").question_at, (4, 0));

        for (messages, defect) in [
            (json!([asked, calls]), "`messages[1]`: the last message must be"),
            (json!([asked, calls, result("a")]), "the last message must be"),
            (json!([asked, calls, result("a"), asked]), "`messages[3]`: the call `b` has no result"),
            (
                json!([asked, calls, result("a"), result("b"), asked]),
                "`messages[4]`: the results of tools need",
            ),
            (json!([asked, calls, result("a"), result("a")]), "`messages[3]`: `tool_call_id` is not"),
            (json!([asked, result("a")]), "`messages[1]`: `tool_call_id` is not"),
            (json!([asked, {"role": "tool", "content": "x"}]), "`tool_call_id` is missing"),
            (json!([asked, {"role": "assistant", "tool_calls": [call("a b")]}]), "needs a separate `id`"),
            (
                json!([asked, {"role": "assistant", "tool_calls": [call("a"), call("a")]}]),
                "needs a separate `id`",
            ),
        ] {
            let error = said(messages).expect_err(defect);
            assert!(error.contains(defect), "{error}");
        }
    }

    #[test]
    fn a_conversation_begins_and_ends_with_the_user() {
        let user = json!({"role": "user", "content": "Why?"});
        let assistant = json!({"role": "assistant", "content": "So."});
        for (messages, defect) in [
            (json!([assistant, user]), "`messages[0]`: the first message must be of `user`"),
            (json!([user, assistant]), "`messages[1]`: the last message must be of `user`"),
            (json!([user, {"role": "assistant"}, user]), "`messages[1]`: `content` is missing or blank"),
            (
                json!([{"role": "user", "content": "\u{200b} "}]),
                "`messages[0]`: `content` is missing or blank",
            ),
            (json!([{"role": "user", "content": "x", "tool_call_id": "a"}]), "only a message of `tool`"),
            (
                json!([{"role": "user", "content": "x", "tool_calls": [{"id": "a", "name": "b", "input": {}}]}]),
                "only a message of `assistant`",
            ),
        ] {
            assert!(said(messages).expect_err(defect).contains(defect), "{defect}");
        }
        assert!(said(json!(vec![user; 101])).expect_err("too many").contains("at most 100"));
    }

    #[test]
    fn a_request_has_a_question_or_messages() {
        let user = || vec![ChatMessage::user("Why?")];
        assert_eq!(messages(Some(" Why? "), vec![]).expect("a question"), user());
        assert_eq!(messages(None, user()).expect("messages"), user());
        assert!(messages(Some("Why?"), user()).is_err());
        assert!(messages(None, vec![]).is_err());
    }

    #[test]
    fn passages_are_found_for_the_end_of_a_long_message() {
        let long = format!("{}?", "é".repeat(MAX_QUESTION));
        let conversation = read(&[ChatMessage::user(&long)]).expect("a conversation");
        assert_eq!(conversation.question.chars().count(), MAX_QUESTION);
        assert!(conversation.question.ends_with("é?"));
    }
}
