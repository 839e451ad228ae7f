#![doc = include_str!("../README.md")]

mod error;
mod format;
#[cfg(feature = "parsers")]
mod read;

pub use error::DocumentError;
pub use format::Format;
#[cfg(feature = "parsers")]
pub use read::passages;

/// Largest document, bytes. With [`MAX_PASSAGES`], what one run of the worker can embed
/// within its two minutes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most passages of one document.
pub const MAX_PASSAGES: usize = 4_000;
/// Most text of one document, bytes of UTF-8 in all its passages as they are written in
/// JSON, where a quote, a backslash and a line end take two.
///
/// An answer of a Lambda function has at most 6 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>. The rest is for
/// the quotes and commas around the passages.
pub const MAX_TEXT: usize = 5_500_000;
/// Most pages of a PDF.
pub const MAX_PAGES: usize = 5_000;
/// Most bytes that one compressed part of a document, a stream of a PDF or the text of a
/// DOCX, may expand to.
pub const MAX_EXPANDED: usize = 32 * 1024 * 1024;
/// How deep elements may nest in HTML and DOCX.
pub const MAX_DEPTH: usize = 200;

/// Returns a fingerprint of what a document's passages are made of: SHA-256, hexadecimal, of
/// each part after its length, so that no two lists of parts have the same.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
