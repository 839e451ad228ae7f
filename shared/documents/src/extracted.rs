use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The text of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The title that the document itself states.
    pub title: Option<String>,
    /// The passages, in order.
    pub passages: Vec<Passage>,
    /// Sentences for the document's owner: which text is missing, and why.
    pub warnings: Vec<String>,
}

/// Consecutive passages of a document, as many as fit into one Lambda response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractedPage {
    /// The title that the document itself states.
    pub title: Option<String>,
    /// The number of passages of the whole document.
    pub total: u32,
    /// The passages of this page, in order. Empty only if the page begins after the last passage.
    pub passages: Vec<Passage>,
    /// Sentences for the document's owner: which text is missing, and why.
    pub warnings: Vec<String>,
}

/// A part of a document that can be understood alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The text to embed and to show. Its first line names the document and the headings, if
    /// there are any: `Handbook > Refunds`.
    pub text: String,
    /// The headings above the passage, outermost first.
    pub headings: Vec<String>,
    /// The page on which the passage begins, from 1. Only documents with pages have one.
    pub page: Option<u32>,
    /// The characters of the document's text that the passage holds, as Unicode scalar values. `extract_text`
    /// returns that text. The first line and the header of a table that continues are not part of the range; the
    /// headings right before the passage are.
    ///
    /// Every reader gives a range. During a deployment an older version answers without one.
    pub range: Option<Range<u32>>,
}

/// How to read a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Keeps menus, page footers and cookie banners of HTML.
    pub keep_boilerplate: bool,
}
