//! Which elements a browser shows.

use super::css::{SIZE, VISIBILITY};
use super::select::Styles;
use super::tree::{Element, Id, Tree};
use crate::DocumentError;

/// Inherited styles that hide text. An element within can undo them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Inherited {
    invisible: bool,
    tiny: bool,
}

impl Inherited {
    /// Returns whether text is shown.
    pub(crate) fn shows(self) -> bool {
        !self.invisible && !self.tiny
    }
}

/// Elements that browsers do not show, or show only if they cannot do better.
const NEVER: [&str; 26] = [
    "area", "audio", "base", "canvas", "col", "colgroup", "datalist", "embed", "head", "iframe", "link",
    "meta", "noembed", "noframes", "noscript", "object", "param", "rp", "rt", "script", "source", "style",
    "template", "title", "track", "video",
];

/// Returns whether browsers show an element never, or only if they cannot do better.
pub(crate) fn is_never_shown(element: &Element) -> bool {
    NEVER.contains(&element.tag()) && !element.is_drawing()
}

/// Returns the styles within an element, or `None` if it is not shown.
pub(crate) fn within(
    tree: &Tree,
    id: Id,
    element: &Element,
    styles: &mut Styles,
    mut inherited: Inherited,
) -> Result<Option<Inherited>, DocumentError> {
    let tag = element.tag();
    if is_never_shown(element) {
        return Ok(None);
    }
    // Many pages hide themselves until a script has run.
    if matches!(tag, "html" | "body") {
        return Ok(Some(inherited));
    }
    if element.attribute("hidden").is_some() || tag == "dialog" && element.attribute("open").is_none() {
        return Ok(None);
    }
    let hidden = styles.hidden(tree, id)?;
    for (way, hides) in hidden.into_iter().enumerate() {
        match (way, hides) {
            (_, None) => {}
            (VISIBILITY, Some(hides)) => inherited.invisible = hides,
            (SIZE, Some(hides)) => inherited.tiny = hides,
            (_, Some(true)) => return Ok(None),
            (_, Some(false)) => {}
        }
    }
    Ok(Some(inherited))
}
