use std::io;

use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, ErrorKind, Value, value::Serde};

use crate::engine::environment;
use crate::names::{self, nearest_statement};
use crate::{Template, TemplateError, Variables, suggested};

pub(crate) fn check_syntax(source: &str) -> Result<(), TemplateError> {
    environment().template_from_str(source).map(|_| ()).map_err(|error| syntax(&error, source))
}

/// Fails if `source` uses a filter, test, function or method that does not exist.
pub(crate) fn check_names(source: &str) -> Result<(), TemplateError> {
    let tree = parse(source, "template", SyntaxConfig::default()).map_err(|error| syntax(&error, source))?;
    names::check(&environment(), source, &tree)
}

fn syntax(error: &Error, source: &str) -> TemplateError {
    let mut problem = problem(error);
    if let Some(name) = error.detail().and_then(|detail| detail.strip_prefix("unknown statement ")) {
        problem.push_str(&suggested(nearest_statement(name).as_deref()));
    } else if error.range().is_some_and(|range| reads_like_literal_braces(source, range.end)) {
        problem.push_str("; write literal braces between `{% raw %}` and `{% endraw %}`");
    }
    TemplateError::Syntax { line: error.line().unwrap_or(1), problem }
}

/// Returns whether the expression at `position` looks like text with doubled braces, for example JSON.
fn reads_like_literal_braces(source: &str, position: usize) -> bool {
    let Some((before, expression)) = source.get(..position).and_then(|text| text.rsplit_once("{{")) else {
        return false;
    };
    let inside = expression.split("}}").next().unwrap_or_default();
    // Three braces, as in Mustache.
    before.ends_with('{') || inside.trim().is_empty() || inside.contains([':', '{', '}'])
}

pub(crate) fn render(source: &str, variables: &Variables) -> Result<String, TemplateError> {
    let environment = environment();
    let template = environment.template_from_str(source).map_err(|error| syntax(&error, source))?;
    let mut output = Limited::default();
    match template.render_captured_to(Value::from(Serde(variables)), &mut output) {
        _ if output.full => Err(TemplateError::OutputTooLong),
        Ok(_) => String::from_utf8(output.bytes)
            .map_err(|_| TemplateError::Render { line: 1, problem: "the result is not text".to_owned() }),
        Err(error) => Err(classify(&error, source)),
    }
}

fn classify(error: &Error, source: &str) -> TemplateError {
    let line = error.line().unwrap_or(1);
    let undefined = error.kind() == ErrorKind::UndefinedError
        // An operator on a variable without a value, for example the `-` of `{{ first-name }}`.
        || error.detail().is_some_and(|detail| detail.contains("unsupported types") && detail.contains("undefined"));
    match error.kind() {
        _ if undefined => TemplateError::Undefined { line, variables: listed(&variables(source)) },
        ErrorKind::OutOfFuel => TemplateError::Expensive,
        ErrorKind::InvalidOperation if error.to_string().contains("recursion limit") => {
            TemplateError::Expensive
        }
        _ => TemplateError::Render { line, problem: problem(error) },
    }
}

fn problem(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// Returns the names of the variables that a template reads, sorted.
pub(crate) fn variables(source: &str) -> Vec<String> {
    let environment = environment();
    let Ok(template) = environment.template_from_str(source) else { return vec![] };
    let mut names: Vec<_> = template.undeclared_variables(false).into_iter().collect();
    names.sort();
    names
}

/// Returns the variables that a template reads and that are neither in `declared` nor functions of the engine, sorted.
pub(crate) fn undeclared(source: &str, declared: &[String]) -> Vec<String> {
    let environment = environment();
    let is_function = |name: &str| environment.globals().any(|(global, _)| global == name);
    let mut names = variables(source);
    names.retain(|name| !declared.contains(name) && !is_function(name));
    names
}

pub(crate) fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A writer that stops at the output limit.
#[derive(Default)]
struct Limited {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Limited {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > Template::MAX_RENDERED_BYTES {
            self.full = true;
            return Err(io::Error::other("output limit"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
