//! Which parts of a page are menus, page footers or cookie banners.
//!
//! A page says so by elements and roles, by usual class names, or by many short links. Many
//! links count only outside the main text, and only if the page has other text.

use super::tree::{Data, Element, Id, Tree};

/// Letters outside links from which a page has enough text without them.
const OWN_TEXT: usize = 200;
/// Links from which a block can be a menu.
const MENU_LINKS: usize = 5;
/// Mean length of a menu's links, in bytes, at most.
const MENU_LINK: usize = 40;
/// Text of a cookie banner, in bytes, at most.
const BANNER: usize = 3_000;

/// Words of class names and ids that mark a cookie banner.
const BANNERS: [&str; 13] = [
    "cookie",
    "cookies",
    "cookiebar",
    "cookiebanner",
    "cookienotice",
    "consent",
    "gdpr",
    "onetrust",
    "didomi",
    "cookiebot",
    "usercentrics",
    "truste",
    "cookieconsent",
];
/// Whole class names that mark a cookie banner.
const WIDGETS: [&str; 4] = ["cc-window", "cc-banner", "qc-cmp2-container", "cmpbox"];
/// Words of class names and ids that mark navigation.
const MENUS: [&str; 10] = [
    "breadcrumb",
    "breadcrumbs",
    "navbar",
    "navigation",
    "pagination",
    "skiplink",
    "skip-link",
    "skip-to-content",
    "share-buttons",
    "social-links",
];

/// Sizes of the text below each node, in bytes.
#[derive(Clone, Copy, Default)]
struct Size {
    text: usize,
    linked: usize,
    links: usize,
    /// The node is or holds the main text, as the page itself says.
    main: bool,
}

/// Decides what is boilerplate on one page.
pub(crate) struct Boilerplate {
    sizes: Vec<Size>,
    keep: bool,
}

impl Boilerplate {
    /// Measures a page. With `keep`, nothing is boilerplate.
    pub(crate) fn of(tree: &Tree, keep: bool) -> Self {
        let mut sizes = vec![Size::default(); if keep { 0 } else { tree.len() }];
        if !keep {
            let order: Vec<Id> = tree.below(Tree::ROOT).collect();
            // Backwards, children come before their parents.
            for id in order.into_iter().rev() {
                let Some(node) = tree.node(id) else { continue };
                let mut size = sizes.get(id).copied().unwrap_or_default();
                match &node.data {
                    Data::Text(text) => size.text += text.split_whitespace().map(str::len).sum::<usize>(),
                    Data::Element(element) => match element.tag() {
                        "a" => (size.linked, size.links) = (size.text, 1),
                        "main" | "article" => size.main = true,
                        "script" | "style" | "noscript" | "template" | "select" => size = Size::default(),
                        _ => {}
                    },
                    _ => {}
                }
                if let Some(slot) = sizes.get_mut(id) {
                    *slot = size;
                }
                if let Some(parent) = node.parent.and_then(|parent| sizes.get_mut(parent)) {
                    parent.text += size.text;
                    parent.linked += size.linked;
                    parent.links += size.links;
                    parent.main |= size.main;
                }
            }
        }
        Self { sizes, keep }
    }

    /// Returns whether an element is left out. `in_main` tells whether it is within the main
    /// text.
    pub(crate) fn covers(&self, id: Id, element: &Element, in_main: bool) -> bool {
        if self.keep {
            return false;
        }
        let role = element.attribute("role").unwrap_or_default();
        match element.tag() {
            "html" | "body" | "main" | "article" => return false,
            "nav" => return true,
            "footer" | "aside" if !in_main => return true,
            _ => {}
        }
        matches!(role, "navigation" | "search" | "menu" | "menubar" | "toolbar")
            || matches!(role, "contentinfo" | "complementary") && !in_main
            || self.is_named(id, element)
            || !in_main && self.is_menu(id, element)
    }

    fn size(&self, id: Id) -> Size {
        self.sizes.get(id).copied().unwrap_or_default()
    }

    fn is_named(&self, id: Id, element: &Element) -> bool {
        let names = ["class", "id"].into_iter().filter_map(|name| element.attribute(name));
        let (mut banner, mut menu) = (false, false);
        for name in names.flat_map(str::split_whitespace).take(50) {
            let lower = name.to_ascii_lowercase();
            menu |= MENUS.contains(&lower.as_str());
            let words: Vec<String> = words(name).collect();
            let named = words.iter().any(|word| BANNERS.contains(&word.as_str()))
                || WIDGETS.contains(&lower.as_str());
            banner |= named && !words.iter().any(|word| word == "policy");
        }
        let page = self.size(Tree::ROOT).text;
        menu || banner && self.size(id).text <= BANNER && self.size(id).text * 2 <= page
    }

    /// Returns whether a block is mostly short links. A block around the main text is none: it has more text
    /// than its links, or an element that marks the main text.
    fn is_menu(&self, id: Id, element: &Element) -> bool {
        if !matches!(
            element.tag(),
            "ul" | "ol" | "div" | "td" | "table" | "section" | "p" | "center" | "header" | "tr"
        ) {
            return false;
        }
        let (size, page) = (self.size(id), self.size(Tree::ROOT));
        let (outside, own) = (page.text.saturating_sub(page.linked), size.text.saturating_sub(size.linked));
        size.links >= MENU_LINKS
            && size.linked * 4 >= size.text * 3
            && size.linked <= size.links * MENU_LINK
            && own < OWN_TEXT
            && !size.main
            && outside.saturating_sub(own) >= OWN_TEXT
    }
}

/// Splits a name such as `cookie-banner` or `CookieBanner` into words in lower case.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            spaced.push('-');
        }
        spaced.push(c.to_ascii_lowercase());
    }
    let words: Vec<String> = spaced.split(['-', '_']).map(str::to_owned).collect();
    words.into_iter()
}
