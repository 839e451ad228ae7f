#![doc = include_str!("../README.md")]

mod engine;
mod names;
mod nesting;
mod render;
mod schema;

use std::fmt;

pub use schema::{OutputSchema, SchemaError, VariablesSchema};

/// Values for the variables of a prompt template, by name.
pub type Variables = serde_json::Map<String, serde_json::Value>;

/// A prompt template that parses and respects the length limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// Why a prompt template was rejected or did not render. The message is for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The source is empty or blank.
    #[error("the template is empty")]
    Empty,
    /// The source is too long.
    #[error("the template is longer than {} bytes", Template::MAX_BYTES)]
    TooLong,
    /// The source does not parse.
    #[error("line {line}: {problem}")]
    Syntax {
        /// First line is 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// An expression nests too deeply.
    #[error(
        "line {line}: more than {} operators and brackets enclose one value; split the expression with `{{% set %}}`",
        nesting::EXPRESSION
    )]
    ExpressionTooDeep {
        /// First line is 1.
        line: usize,
    },
    /// Blocks nest too deeply.
    #[error(
        "line {line}: more than {} blocks and `elif` branches enclose one line; use fewer",
        nesting::BLOCKS
    )]
    BlocksTooDeep {
        /// First line is 1.
        line: usize,
    },
    /// A filter, test, function or method does not exist.
    #[error("line {line}: unknown {kind} `{name}`{}", suggested(suggestion.as_deref()))]
    Unknown {
        /// First line is 1.
        line: usize,
        /// What the name would be.
        kind: NameKind,
        /// The name.
        name: String,
        /// An existing name that looks similar.
        suggestion: Option<String>,
    },
    /// A variable has no value.
    #[error("line {line}: a variable has no value; the template uses {variables}")]
    Undefined {
        /// First line is 1.
        line: usize,
        /// The variables that the template reads.
        variables: String,
    },
    /// The template reads variables that its declaration does not have.
    #[error("the template reads {variables}, which `variables` does not declare; declare or remove them")]
    Undeclared {
        /// The variables.
        variables: String,
    },
    /// A message of the role `system` reads variables that its declaration does not allow there.
    #[error(
        "a message of `system` reads {variables}: move it to a message of `user`, or declare it with \
         `\"x-instruction\": true`"
    )]
    NotInstruction {
        /// The variables.
        variables: String,
    },
    /// Rendering took more than 50,000 steps or recursed more than 32 levels deep.
    #[error("the template does too much work; simplify its loops")]
    Expensive,
    /// The result is too long.
    #[error("the rendered template is longer than {} bytes", Template::MAX_RENDERED_BYTES)]
    OutputTooLong,
    /// Rendering failed in another way.
    #[error("line {line}: {problem}")]
    Render {
        /// First line is 1.
        line: usize,
        /// What went wrong.
        problem: String,
    },
}

/// What a name in a prompt template refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NameKind {
    Filter,
    Test,
    Function,
    Method,
}

impl fmt::Display for NameKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Function => "function",
            Self::Method => "method",
        })
    }
}

fn suggested(name: Option<&str>) -> String {
    name.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

impl Template {
    /// Maximum length of the source, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// Maximum length of the rendered text, in bytes of UTF-8.
    pub const MAX_RENDERED_BYTES: usize = 256 * 1024;

    /// Checks a prompt template that is saved. Fails also if it can never be rendered: a name in it does not exist, or
    /// it reads no variable and fails.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let template = Self::stored(source)?;
        render::check_names(source)?;
        // The limits are checked when the template is rendered, because they may change.
        if render::variables(source).is_empty()
            && let Err(error @ TemplateError::Render { .. }) = template.render(&Variables::new())
        {
            return Err(error);
        }
        Ok(template)
    }

    /// Checks a prompt template that was saved. Fails if it is empty, too long, nests too deeply or has a syntax error.
    pub fn stored(source: &str) -> Result<Self, TemplateError> {
        if source.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        if source.len() > Self::MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        nesting::check(source)?;
        render::check_syntax(source)?;
        Ok(Self(source.to_owned()))
    }

    /// Fails if the prompt template reads a variable that is not in `declared`.
    pub fn reads_only(&self, declared: &[String]) -> Result<(), TemplateError> {
        let read = render::undeclared(&self.0, declared);
        match read.is_empty() {
            true => Ok(()),
            false => Err(TemplateError::Undeclared { variables: render::listed(&read) }),
        }
    }

    /// Fails if the prompt template, which is an instruction, reads a variable that is not in `allowed`.
    pub fn instructs_only(&self, allowed: &[String]) -> Result<(), TemplateError> {
        let read = render::undeclared(&self.0, allowed);
        match read.is_empty() {
            true => Ok(()),
            false => Err(TemplateError::NotInstruction { variables: render::listed(&read) }),
        }
    }

    /// Returns the source.
    pub fn source(&self) -> &str {
        &self.0
    }

    /// Renders the prompt template with `variables`.
    ///
    /// Fails if a variable has no value or a limit is reached.
    pub fn render(&self, variables: &Variables) -> Result<String, TemplateError> {
        render::render(&self.0, variables)
    }
}
