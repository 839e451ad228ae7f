//! Markdown, by way of HTML: one walk knows lists, tables, code and embedded HTML.

use pulldown_cmark::{CowStr, Event, MetadataBlockKind, Options, Parser, Tag, TagEnd, html};

use super::html as page;
use super::text;
use crate::content::Content;
use crate::{DocumentError, Options as ReadOptions};

/// Returns the content of a Markdown document.
pub(crate) fn content(source: &str) -> Result<Content, DocumentError> {
    let mut options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS;
    options |= Options::ENABLE_STRIKETHROUGH | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    options |= Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS | Options::ENABLE_DEFINITION_LIST;
    let mut title = None;
    let mut in_front = false;
    let events = Parser::new_ext(source, options).filter_map(|event| match event {
        Event::Start(Tag::MetadataBlock(MetadataBlockKind::YamlStyle | MetadataBlockKind::PlusesStyle)) => {
            in_front = true;
            None
        }
        Event::End(TagEnd::MetadataBlock(_)) => {
            in_front = false;
            None
        }
        Event::Text(front) if in_front => {
            title = title.take().or_else(|| front_title(&front));
            None
        }
        // `Vec<String>` and `<your name>` are text, not elements.
        Event::InlineHtml(tag) if !page::is_known(&tag) => Some(Event::Text(tag)),
        Event::TaskListMarker(done) => {
            Some(Event::Text(CowStr::Borrowed(if done { "[x] " } else { "[ ] " })))
        }
        event => Some(event),
    });
    let mut markup = String::with_capacity(source.len() * 2);
    html::push_html(&mut markup, events);
    let read = page::page(&markup, ReadOptions { keep_boilerplate: true });
    let mut content = match read {
        // Thousands of nested quotes are no structure.
        Err(DocumentError::TooDeep | DocumentError::TooManyElements) => text::content(source.to_owned()),
        read => read?,
    };
    content.title = title;
    Ok(content)
}

/// Returns the `title` of front matter in YAML or TOML.
fn front_title(front: &str) -> Option<String> {
    front.lines().find_map(|line| {
        let (name, value) = line.split_once([':', '='])?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("title") && !value.is_empty()).then(|| value.to_owned())
    })
}
