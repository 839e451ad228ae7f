#![doc = include_str!("../README.md")]

mod render;

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
    /// A variable has no value.
    #[error("line {line}: a variable has no value; the template uses {variables}")]
    Undefined {
        /// First line is 1.
        line: usize,
        /// The variables that the template reads.
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

impl Template {
    /// Maximum length of the source, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// Maximum length of the rendered text, in bytes of UTF-8.
    pub const MAX_RENDERED_BYTES: usize = 256 * 1024;

    /// Parses `source`. Fails if it is empty, too long or has a syntax error.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        if source.len() > Self::MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        render::check(source)?;
        Ok(Self(source.to_owned()))
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
