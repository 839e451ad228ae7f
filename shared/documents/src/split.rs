use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use crate::Format;

/// Longest passage, characters. About 300 tokens of English: long enough to answer
/// from, short enough that several fit into a prompt.
const LONGEST: usize = 1_200;

/// Splits `text` at its own boundaries: headings, paragraphs, sentences, words.
pub(crate) fn passages(text: &str, format: Format) -> Vec<String> {
    let config = ChunkConfig::new(LONGEST);
    match format {
        Format::Markdown => MarkdownSplitter::new(config).chunks(text).map(str::to_owned).collect(),
        Format::Text | Format::Html => TextSplitter::new(config).chunks(text).map(str::to_owned).collect(),
    }
}
