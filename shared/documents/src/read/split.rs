use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use crate::{Format, MAX_PASSAGES};

/// Longest passage, characters. About 300 tokens of English: long enough to answer
/// from, short enough that several fit into a prompt.
const LONGEST: usize = 1_200;

/// Splits `text` at its own boundaries: headings, paragraphs, sentences, words. Ends one
/// passage after there are too many.
pub(crate) fn passages(text: &str, format: Format) -> Vec<String> {
    let config = ChunkConfig::new(LONGEST);
    let most = MAX_PASSAGES + 1;
    match format {
        Format::Markdown => {
            MarkdownSplitter::new(config).chunks(text).take(most).map(str::to_owned).collect()
        }
        Format::Text | Format::Html | Format::Pdf | Format::Docx => {
            TextSplitter::new(config).chunks(text).take(most).map(str::to_owned).collect()
        }
    }
}
