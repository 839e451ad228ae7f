#![doc = include_str!("../README.md")]

mod extract;
mod split;

/// What a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain`, UTF-8.
    Text,
    /// `text/markdown`, UTF-8.
    Markdown,
    /// `text/html`, UTF-8.
    Html,
}

/// Why a document cannot be ingested, in words for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The content type is none that can be read.
    #[error("the content type is not one of text/plain, text/markdown, text/html")]
    Unsupported,
    /// The document is too big.
    #[error("the document is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The bytes are not UTF-8.
    #[error("the document is not UTF-8 text")]
    NotText,
    /// The markup could not be read.
    #[error("the markup cannot be read")]
    Markup,
    /// There is nothing to index.
    #[error("the document has no text")]
    Empty,
    /// There is too much to index.
    #[error("the document has more than {MAX_PASSAGES} passages; split it")]
    TooManyPassages,
}

/// Largest document, bytes. With [`MAX_PASSAGES`], what one run of the worker can embed
/// within its two minutes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most passages of one document.
pub const MAX_PASSAGES: usize = 4_000;

impl Format {
    /// Returns the format that `content_type` names; parameters such as `charset` are ignored.
    ///
    /// # Errors
    /// [`DocumentError::Unsupported`].
    pub fn from_content_type(content_type: &str) -> Result<Self, DocumentError> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/plain" => Ok(Self::Text),
            "text/markdown" => Ok(Self::Markdown),
            "text/html" => Ok(Self::Html),
            _ => Err(DocumentError::Unsupported),
        }
    }

    /// Returns the content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
        }
    }
}

/// Returns the passages of a document, in order.
///
/// # Errors
/// [`DocumentError`] where the bytes cannot be read or hold no text.
pub fn passages(bytes: &[u8], format: Format) -> Result<Vec<String>, DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let text = extract::text(bytes, format)?;
    let passages = split::passages(&text, format);
    match passages.len() {
        0 => Err(DocumentError::Empty),
        n if n > MAX_PASSAGES => Err(DocumentError::TooManyPassages),
        _ => Ok(passages),
    }
}

/// Returns a fingerprint of a document's bytes: SHA-256, hexadecimal.
pub fn fingerprint(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
