use std::io;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, value::Serde};

use crate::{Template, TemplateError, Variables};

/// Maximum steps per render. The engine charges allocations as well.
const FUEL: u64 = 50_000;
/// Maximum recursion depth.
const RECURSION: usize = 32;

/// Returns a new environment. One per use, so a template never sees another's definitions.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment
}

pub(crate) fn check(source: &str) -> Result<(), TemplateError> {
    environment()
        .template_from_str(source)
        .map(|_| ())
        .map_err(|error| TemplateError::Syntax { line: error.line().unwrap_or(1), problem: problem(&error) })
}

pub(crate) fn render(source: &str, variables: &Variables) -> Result<String, TemplateError> {
    let environment = environment();
    let template = environment.template_from_str(source).map_err(|error| classify(&error, source))?;
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
    match error.kind() {
        ErrorKind::OutOfFuel => TemplateError::Expensive,
        ErrorKind::UndefinedError => TemplateError::Undefined { line, variables: variables(source) },
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

/// Returns the names that a template reads, for an error message.
fn variables(source: &str) -> String {
    let environment = environment();
    let Ok(template) = environment.template_from_str(source) else { return "no variables".to_owned() };
    let mut names: Vec<_> =
        template.undeclared_variables(false).into_iter().map(|n| format!("`{n}`")).collect();
    names.sort();
    names.join(", ")
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
