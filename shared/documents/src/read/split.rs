use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use crate::{Format, MAX_PASSAGES};

/// Maximum length of a passage in characters. About 300 tokens of English: long enough to
/// answer from, and short enough for several to fit into a prompt.
const MAX_CHARACTERS: usize = 1_200;

/// Splits `text` at headings, paragraphs, sentences or words. Returns at most one passage
/// more than allowed.
pub(crate) fn passages(text: &str, format: Format) -> Vec<String> {
    let config = ChunkConfig::new(MAX_CHARACTERS);
    let limit = MAX_PASSAGES + 1;
    match format {
        Format::Markdown => {
            MarkdownSplitter::new(config).chunks(text).take(limit).map(str::to_owned).collect()
        }
        Format::Text | Format::Html | Format::Pdf | Format::Docx => {
            TextSplitter::new(config).chunks(text).take(limit).map(str::to_owned).collect()
        }
    }
}
