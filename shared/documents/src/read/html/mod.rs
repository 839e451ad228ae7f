//! Text of an HTML page as a browser shows it.
//!
//! `html5ever` builds the tree. The walk leaves out what a browser hides, because hidden text
//! is how instructions for a model get into a document.

mod boilerplate;
mod cells;
mod css;
mod line;
pub(crate) mod list;
mod select;
mod sink;
mod tree;
mod visible;
mod walk;

use self::tree::Tree;
use self::walk::Walk;
use super::decode::decode;
use super::text::warn_replaced;
use crate::content::Content;
use crate::{DocumentError, Options};

/// Bytes in which a page names its encoding. Browsers read 1,024.
const HEAD: usize = 4_096;

/// Returns the content of a page in any encoding.
pub(crate) fn document(
    bytes: &[u8],
    charset: Option<&str>,
    options: Options,
) -> Result<Content, DocumentError> {
    let head =
        String::from_utf8_lossy(bytes.get(..bytes.len().min(HEAD)).unwrap_or_default()).to_ascii_lowercase();
    let decoded = decode(bytes, charset, inner_charset(&head))?;
    let mut content = page(&decoded.text, options)?;
    warn_replaced(&mut content, decoded.replaced);
    Ok(content)
}

/// Returns the content of a decoded page.
pub(crate) fn page(source: &str, options: Options) -> Result<Content, DocumentError> {
    let tree = Tree::parse(source)?;
    let title = (0..tree.len())
        .find(|id| tree.element(*id).is_some_and(|element| element.tag() == "title" && !element.is_drawing()))
        .map(|id| tree.text(id).split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|title| !title.is_empty());
    let mut content = Walk::new(&tree, options.keep_boilerplate).page()?;
    content.title = title;
    Ok(content)
}

/// Returns the encoding that the beginning of a page declares, in `meta` or as XML.
fn inner_charset(head: &str) -> Option<&str> {
    let value = |text: &str, name: &str| -> Option<(usize, usize)> {
        let at = text.find(name)? + name.len();
        let rest =
            text.get(at..)?.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.')))?;
        let start = text.len() - rest.len();
        Some((start, start + end))
    };
    if let Some(declaration) = head.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next())
        && let Some((start, end)) = value(declaration, "encoding")
    {
        return declaration.get(start..end);
    }
    let mut rest = head;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..)?;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if rest.starts_with("meta") {
            let tag = rest.split('>').next().unwrap_or_default();
            if let Some((start, end)) = value(tag, "charset") {
                return tag.get(start..end);
            }
        }
    }
    None
}

/// Returns whether a tag such as `<b>` or `</your-name>` names an element of HTML, or is a
/// comment.
pub(crate) fn is_known(tag: &str) -> bool {
    const KNOWN: &str = " a abbr address area article aside audio b base bdi bdo big blockquote body br button \
        canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed \
        fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins \
        kbd label legend li link main map mark menu meta meter nav noscript object ol optgroup option output p param \
        picture pre progress q rp rt ruby s samp script search section select slot small source span strike strong \
        style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var \
        video wbr ";
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
    let (name, _) = name.split_at(end);
    tag.starts_with("<!")
        || tag.starts_with("<?")
        || KNOWN.contains(&format!(" {} ", name.to_ascii_lowercase()))
}
