//! Styles of a DOCX, as far as they give headings, numbers or hidden text.

use std::collections::HashMap;

use crate::read::xml::{Node, Xml};

/// What a style says, with the styles that it is based on.
#[derive(Debug, Default, Clone)]
pub(crate) struct Style {
    pub name: String,
    pub outline: Option<u8>,
    /// Number of the list, and the level within it.
    pub list: Option<String>,
    pub list_level: Option<usize>,
    pub hidden: Option<bool>,
    base: Option<String>,
}

/// All styles, by id.
#[derive(Debug, Default)]
pub(crate) struct Styles {
    styles: HashMap<String, Style>,
    /// The style of paragraphs that name none.
    pub default: Option<String>,
}

impl Styles {
    pub(crate) fn read(tree: &Xml<'_>) -> Self {
        let mut styles = Self::default();
        for node in tree.root().all("style") {
            let Some(id) = node.attribute("styleId") else { continue };
            let is_paragraph = node.attribute("type").is_some_and(|kind| kind == "paragraph");
            if is_paragraph && node.attribute("default").is_some_and(|value| is_on(&value)) {
                styles.default = Some(id.to_string());
            }
            let paragraph = node.child("pPr");
            let list = paragraph.and_then(|paragraph| paragraph.child("numPr"));
            let style = Style {
                name: node.value("name").unwrap_or_default().to_lowercase(),
                outline: paragraph.and_then(|paragraph| paragraph.value("outlineLvl")?.parse().ok()),
                list: list.and_then(|list| Some(list.value("numId")?.into_owned())),
                list_level: list.and_then(|list| list.value("ilvl")?.parse().ok()),
                hidden: node.child("rPr").and_then(hidden),
                base: node.value("basedOn").map(|base| base.into_owned()),
            };
            styles.styles.insert(id.into_owned(), style);
        }
        styles
    }

    /// Returns a style with everything that it inherits.
    pub(crate) fn get(&self, id: &str) -> Style {
        let mut style = self.styles.get(id).cloned().unwrap_or_default();
        let mut base = style.base.clone();
        // A chain may be a circle.
        for _ in 0..20 {
            let Some(above) = base.and_then(|base| self.styles.get(&base)) else { break };
            style.outline = style.outline.or(above.outline);
            style.list = style.list.or_else(|| above.list.clone());
            style.list_level = style.list_level.or(above.list_level);
            style.hidden = style.hidden.or(above.hidden);
            base = above.base.clone();
        }
        if style.outline.is_none() {
            style.outline = heading_level(&style.name).or_else(|| heading_level(&id.to_lowercase()));
        }
        style
    }
}

/// Returns the outline level of a name such as `heading 2`.
fn heading_level(name: &str) -> Option<u8> {
    let digit = name.strip_prefix("heading")?.trim().parse::<u8>().ok()?;
    digit.checked_sub(1)
}

/// Returns whether run properties hide the text.
pub(crate) fn hidden(properties: Node<'_>) -> Option<bool> {
    properties.child("vanish").map(|vanish| vanish.attribute("val").is_none_or(|value| is_on(&value)))
}

/// Returns the meaning of a switch.
pub(crate) fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false" | "off" | "none")
}
