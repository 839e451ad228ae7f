#![doc = include_str!("../README.md")]

#[cfg(feature = "parsers")]
mod content;
mod error;
mod extracted;
mod format;
#[cfg(feature = "parsers")]
mod read;
#[cfg(feature = "parsers")]
mod split;

pub use error::DocumentError;
pub use extracted::{Extracted, ExtractedPage, Options, Passage};
pub use format::Format;
#[cfg(feature = "parsers")]
pub use read::{extract, extract_page, extract_text, passages};

/// The version of the readers and the splitter. It is part of the hash of indexed content: after a change, content that
/// is sent again is read again.
pub const READERS: u32 = 3;

/// Maximum size of a document in bytes.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Maximum number of passages of a document. A text of [`MAX_BYTES`] has about as many.
pub const MAX_PASSAGES: usize = 60_000;
/// Maximum size of a passage, in estimated tokens. A usual passage has at most 450.
pub const MAX_PASSAGE_TOKENS: usize = 700;
/// Maximum text of a document: bytes of UTF-8 of all passages as JSON, in which a quote, a
/// backslash and a line end take two bytes.
pub const MAX_TEXT: usize = 128 * 1024 * 1024;
/// Maximum text of an [`ExtractedPage`], counted like [`MAX_TEXT`].
///
/// A Lambda response has at most 6 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>. The rest is for
/// warnings, and the quotes and commas around the passages.
pub const MAX_PAGE_TEXT: usize = 5_000_000;
/// Maximum number of pages of a PDF.
pub const MAX_PAGES: usize = 5_000;
/// Maximum expanded size, in bytes, of one stream of a PDF.
pub const MAX_EXPANDED: usize = 32 * 1024 * 1024;
/// Maximum expanded size, in bytes, of all parts together that are read from a zip archive.
pub const MAX_ARCHIVE: usize = 128 * 1024 * 1024;
/// Maximum nesting depth of elements in HTML and XML.
pub const MAX_DEPTH: usize = 200;

/// Returns the SHA-256 of `parts` in hexadecimal, for the inputs of a document's passages.
///
/// Each part is hashed after its length, so different lists have different fingerprints.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = ContentHash::default();
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish()
}

/// The SHA-256 of bytes that arrive in parts.
#[derive(Clone)]
pub struct ContentHash(ring::digest::Context);

impl Default for ContentHash {
    fn default() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }
}

impl ContentHash {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash in hexadecimal.
    pub fn finish(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
