use crate::DocumentError;

/// A supported document format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain`, UTF-8.
    Text,
    /// `text/markdown`, UTF-8.
    Markdown,
    /// `text/html`, UTF-8.
    Html,
    /// `application/pdf`.
    Pdf,
    /// `application/vnd.openxmlformats-officedocument.wordprocessingml.document`: Word.
    Docx,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Text, Self::Markdown, Self::Html, Self::Pdf, Self::Docx];

    /// Returns the format of `content_type`. Ignores parameters such as `charset`.
    pub fn from_content_type(content_type: &str) -> Result<Self, DocumentError> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        Self::ALL
            .into_iter()
            .find(|format| essence.eq_ignore_ascii_case(format.content_type()))
            .ok_or(DocumentError::Unsupported)
    }

    /// Returns the content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        }
    }
}
