//! Checks how a request wants its answer, and reads an answer in JSON.

use std::collections::BTreeSet;

use bulkhead_prompts::OutputSchema;
use bulkhead_runtime::http::ApiError;
use bulkhead_stores::{Answer, Finish, Tool, ToolChoice};
use serde_json::{Map, Value};

use crate::conversation::is_word;
use crate::model::{MAX_TOKENS, Output, ToolDefinition};
use crate::retrieval::within;

/// Maximum tokens of an answer, unless the request sets them or the model writes less.
pub(crate) const DEFAULT_TOKENS: u16 = 512;
const MAX_STOPS: usize = 4;
const MAX_STOP: usize = 64;
const MAX_TOOLS: usize = 32;
const MAX_DESCRIPTION: usize = 4_000;
/// The tool that takes an answer in JSON. Most models write JSON only as the input of a tool.
const ANSWER: &str = "answer";

/// How a request wants its answer, not checked.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) max_tokens: Option<u16>,
    pub(crate) temperature: Option<f32>,
    pub(crate) stop: Vec<String>,
    pub(crate) output: Option<Output>,
    pub(crate) tools: Vec<ToolDefinition>,
    pub(crate) tool_choice: Option<String>,
}

/// How the model answers.
#[derive(Debug)]
pub(crate) struct Generation {
    /// Maximum tokens of the answer, if the request sets them.
    pub(crate) max_tokens: Option<u16>,
    pub(crate) temperature: f32,
    pub(crate) stop: Vec<String>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_choice: ToolChoice,
    output: Option<OutputSchema>,
}

impl Default for Generation {
    fn default() -> Self {
        Self {
            max_tokens: None,
            temperature: 0.0,
            stop: vec![],
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            output: None,
        }
    }
}

impl Generation {
    /// Checks the settings of a request.
    ///
    /// # Errors
    /// 400 that names the field; 422 if settings contradict each other, or if the schema of the output has a defect.
    pub(crate) fn of(settings: Settings) -> Result<Self, ApiError> {
        let temperature = settings.temperature.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&temperature) {
            return refuse("`temperature` must be 0 to 1");
        }
        let stop = settings.stop;
        let is_stop = |text: &String| (1..=MAX_STOP).contains(&text.chars().count());
        if stop.len() > MAX_STOPS || !stop.iter().all(is_stop) {
            return contradict(format!(
                "`stop` must have at most {MAX_STOPS} texts of 1 to {MAX_STOP} characters"
            ));
        }
        let (tools, tool_choice, output) = match &settings.output {
            Some(_) if !settings.tools.is_empty() || settings.tool_choice.is_some() => {
                return contradict("send either `output` or `tools`");
            }
            Some(output) => answer_tool(output)?,
            None => {
                let tools = tools(settings.tools)?;
                let choice = tool_choice(settings.tool_choice.as_deref(), &tools)?;
                (tools, choice, None)
            }
        };
        let max_tokens =
            settings.max_tokens.map(|tokens| within("max_tokens", tokens, MAX_TOKENS)).transpose()?;
        Ok(Self { max_tokens, temperature, stop, tools, tool_choice, output })
    }

    /// Returns whether the request wants JSON. Its tool then is the platform's, not one of the caller's.
    pub(crate) fn wants_output(&self) -> bool {
        self.output.is_some()
    }

    /// Takes the JSON out of an answer, if the request wants JSON.
    ///
    /// # Errors
    /// 422 if the answer has no JSON of the declared form.
    pub(crate) fn take_output(&self, answer: &mut Answer) -> Result<Option<Map<String, Value>>, ApiError> {
        let Some(schema) = &self.output else { return Ok(None) };
        let written = answer.calls.drain(..).find(|call| call.name == ANSWER).map(|call| call.input);
        let problem = match (answer.finish, written) {
            (Finish::Filtered, _) => return Ok(None),
            (Finish::Length, _) => {
                "the answer reached `max_tokens` before its JSON was complete: raise `max_tokens`".to_owned()
            }
            (_, Some(Value::Object(members))) => match schema.apply(members) {
                Ok(output) => {
                    answer.finish = Finish::Stop;
                    answer.text = Value::Object(output.clone()).to_string();
                    return Ok(Some(output));
                }
                Err(error) => format!("the answer does not match `output.schema`: {error}; ask again"),
            },
            _ => "the model answered without JSON: ask again, or simplify `output.schema`".to_owned(),
        };
        Err(ApiError::Unprocessable(problem))
    }
}

fn answer_tool(output: &Output) -> Result<(Vec<Tool>, ToolChoice, Option<OutputSchema>), ApiError> {
    let schema = OutputSchema::read(&output.schema);
    let schema = schema.map_err(|error| ApiError::Unprocessable(error.to_string()))?;
    let tool = Tool {
        name: ANSWER.to_owned(),
        description: Some("Takes the answer. Call it once, with the whole answer.".to_owned()),
        input_schema: output.schema.clone(),
    };
    Ok((vec![tool], ToolChoice::Named(ANSWER.to_owned()), Some(schema)))
}

fn tools(definitions: Vec<ToolDefinition>) -> Result<Vec<Tool>, ApiError> {
    if definitions.len() > MAX_TOOLS {
        return refuse(format!("`tools` must have at most {MAX_TOOLS} tools"));
    }
    let mut names = BTreeSet::new();
    for (index, tool) in definitions.iter().enumerate() {
        if !is_word(&tool.name) || matches!(tool.name.as_str(), "auto" | "any") {
            let rule = "1 to 64 letters, digits, `_` or `-`, but not `auto` and not `any`";
            return contradict(format!("`tools[{index}].name` must be {rule}"));
        }
        if !names.insert(tool.name.clone()) {
            return contradict(format!("`tools[{index}].name` is repeated: each tool needs another name"));
        }
        let length = tool.description.as_ref().map(|text| text.chars().count());
        if length.is_some_and(|length| !(1..=MAX_DESCRIPTION).contains(&length)) {
            return refuse(format!(
                "`tools[{index}].description` must have 1 to {MAX_DESCRIPTION} characters"
            ));
        }
        if tool.input_schema.get("type").and_then(Value::as_str) != Some("object") {
            return contradict(format!(r#"`tools[{index}].input_schema` must have `"type": "object"`"#));
        }
    }
    let tool = |tool: ToolDefinition| Tool {
        name: tool.name,
        description: tool.description,
        input_schema: Value::Object(tool.input_schema),
    };
    Ok(definitions.into_iter().map(tool).collect())
}

fn tool_choice(choice: Option<&str>, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    match choice {
        None => Ok(ToolChoice::Auto),
        Some(_) if tools.is_empty() => contradict("`tool_choice` needs `tools`"),
        Some("auto") => Ok(ToolChoice::Auto),
        Some("any") => Ok(ToolChoice::Any),
        Some(name) if tools.iter().any(|tool| tool.name == name) => Ok(ToolChoice::Named(name.to_owned())),
        Some(_) => contradict("`tool_choice` must be `auto`, `any` or the name of one of the `tools`"),
    }
}

/// Refuses a value that its schema does not permit.
fn refuse<T>(detail: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::BadRequest(detail.into()))
}

/// Refuses values that break a rule beside their schema.
fn contradict<T>(detail: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::Unprocessable(detail.into()))
}

#[cfg(test)]
mod tests {
    use bulkhead_stores::ToolCall;
    use serde_json::json;

    use super::*;
    use crate::model::Infer;

    fn generation(settings: Value) -> Result<Generation, String> {
        let mut body = json!({"template": "t", "question": "Why?"});
        body.as_object_mut().expect("object").extend(settings.as_object().expect("object").clone());
        let Infer { max_tokens, temperature, stop, output, tools, tool_choice, .. } =
            serde_json::from_value(body).expect("a request");
        let settings = Settings { max_tokens, temperature, stop, output, tools, tool_choice };
        Generation::of(settings).map_err(|error| error.to_string())
    }

    fn answered(finish: Finish, input: Option<Value>) -> Answer {
        let calls = input.map(|input| ToolCall { id: "1".into(), name: ANSWER.into(), input });
        let calls = calls.into_iter().collect();
        Answer { text: String::new(), calls, finish, input_tokens: 1, output_tokens: 1 }
    }

    #[test]
    fn each_setting_has_its_limits() {
        let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
        assert!(generation(json!({})).is_ok_and(|all| all.max_tokens.is_none() && all.temperature == 0.0));
        let every =
            json!({"temperature": 1.0, "stop": ["\n", "END"], "tools": [tool("a")], "tool_choice": "a"});
        assert!(generation(every).is_ok_and(|all| all.tool_choice == ToolChoice::Named("a".into())));
        for (settings, defect) in [
            (json!({"temperature": 1.01}), "`temperature`"),
            (json!({"temperature": -0.01}), "`temperature`"),
            (json!({"stop": [""]}), "`stop`"),
            (json!({"stop": ["x".repeat(65)]}), "`stop`"),
            (json!({"stop": ["a", "b", "c", "d", "e"]}), "`stop`"),
            (json!({"max_tokens": 0}), "`max_tokens`"),
            (json!({"tools": [tool("any")]}), "`tools[0].name`"),
            (json!({"tools": [tool("a"), tool("a")]}), "`tools[1].name` is repeated"),
            (json!({"tools": vec![tool("a"); 33]}), "at most 32"),
            (json!({"tools": [{"name": "a", "input_schema": {}}]}), "`tools[0].input_schema`"),
            (
                json!({"tools": [{"name": "a", "description": "", "input_schema": {}}]}),
                "`tools[0].description`",
            ),
            (json!({"tool_choice": "auto"}), "needs `tools`"),
            (json!({"tools": [tool("a")], "tool_choice": "b"}), "`tool_choice` must be"),
            (json!({"tools": [tool("a")], "output": {"schema": {}}}), "either `output` or `tools`"),
            (json!({"output": {"schema": {"type": "string"}}}), "`output.schema`: must have"),
            (
                json!({"output": {"schema": {"type": "object", "properties": {"a": {}}}}}),
                "`output.schema.properties.a`",
            ),
        ] {
            let error = generation(settings).expect_err(defect);
            assert!(error.contains(defect), "{error}");
        }
    }

    #[test]
    fn output_has_the_declared_form() {
        let schema = json!({"type": "object", "required": ["days"], "properties": {
            "days": {"type": "integer"}, "unit": {"type": "string", "default": "day"}}});
        let generation = generation(json!({"output": {"schema": schema}})).expect("settings");
        assert_eq!((generation.tools.len(), &generation.tool_choice), (1, &ToolChoice::Named(ANSWER.into())));

        let mut answer = answered(Finish::Calls, Some(json!({"days": 14})));
        let output = generation.take_output(&mut answer).expect("an output").expect("an output");
        assert_eq!(Value::Object(output), json!({"days": 14, "unit": "day"}));
        assert_eq!((answer.text.as_str(), answer.finish), (r#"{"days":14,"unit":"day"}"#, Finish::Stop));
        assert!(answer.calls.is_empty());

        for (finish, written, problem) in [
            (
                Finish::Calls,
                Some(json!({"days": "14"})),
                "`output.days`: found a string, expected an integer",
            ),
            (Finish::Calls, Some(json!("14")), "without JSON"),
            (Finish::Stop, None, "without JSON"),
            (Finish::Length, Some(json!({"days": 14})), "raise `max_tokens`"),
            (Finish::Malformed, None, "ask again"),
        ] {
            let error =
                generation.take_output(&mut answered(finish, written)).expect_err(problem).to_string();
            assert!(error.contains(problem), "{error}");
        }
        assert!(generation.take_output(&mut answered(Finish::Filtered, None)).expect("no error").is_none());
    }
}
