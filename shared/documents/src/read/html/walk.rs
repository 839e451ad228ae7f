//! Walks the tree of a page and writes its blocks.

use super::boilerplate::Boilerplate;
use super::cells;
use super::list::{List, marker};
use super::select::Styles;
use super::tree::{Data, Element, Id, Tree};
use super::visible::{self, Inherited};
use crate::content::{Content, Kind, Warning};
use crate::{DocumentError, MAX_DEPTH};

/// Hidden text, in bytes, from which a warning says so.
const HIDDEN: usize = 500;

/// What holds within an element.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope {
    pub inherited: Inherited,
    /// Within `main` or `article`.
    pub in_main: bool,
    /// Within a heading or a `summary`, whose buttons are text.
    pub in_heading: bool,
    /// Blanks count.
    pub preformatted: bool,
    /// Within a table cell, which becomes one line.
    pub in_cell: bool,
    pub depth: usize,
}

/// Writes blocks.
pub(crate) struct Walk<'a> {
    pub tree: &'a Tree,
    styles: Styles,
    boilerplate: Boilerplate,
    pub content: Content,
    /// The text of the block that is open.
    pub line: String,
    pub(super) lists: Vec<List>,
    /// The marker of the list item that begins with the next text.
    pub(super) marker: Option<String>,
    /// The terms of a definition list that wait for their definition.
    pub(super) terms: Vec<String>,
    /// Text that the page hides, in bytes.
    hidden: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(tree: &'a Tree, keep_boilerplate: bool) -> Self {
        Self {
            tree,
            styles: Styles::of(tree),
            boilerplate: Boilerplate::of(tree, keep_boilerplate),
            content: Content::default(),
            line: String::new(),
            lists: vec![],
            marker: None,
            terms: vec![],
            hidden: 0,
        }
    }

    /// Writes the whole page.
    pub(crate) fn page(mut self) -> Result<Content, DocumentError> {
        let scope = Scope::default();
        self.children(Tree::ROOT, scope)?;
        self.flush(Kind::Paragraph);
        self.undefined();
        let shown: usize = self.content.blocks.iter().map(|block| block.text.len()).sum();
        if self.hidden >= HIDDEN && self.hidden * 2 >= shown {
            self.content.warnings.push(Warning::LeftOut("text that the page hides".to_owned()));
        }
        Ok(self.content)
    }

    pub(crate) fn children(&mut self, id: Id, scope: Scope) -> Result<(), DocumentError> {
        let tree = self.tree;
        for child in tree.children(id) {
            self.node(child, scope)?;
        }
        Ok(())
    }

    /// Returns the scope within an element, or `None` if its text is left out.
    pub(crate) fn scope(
        &mut self,
        id: Id,
        element: &Element,
        scope: Scope,
    ) -> Result<Option<Scope>, DocumentError> {
        let Some(inherited) = visible::within(self.tree, id, element, &mut self.styles, scope.inherited)?
        else {
            if !visible::is_never_shown(element) {
                self.hidden += self.tree.text(id).trim().len();
            }
            return Ok(None);
        };
        if self.boilerplate.covers(id, element, scope.in_main) {
            return Ok(None);
        }
        let in_main = scope.in_main
            || matches!(element.tag(), "main" | "article")
            || element.attribute("role").is_some_and(|role| matches!(role, "main" | "article"));
        Ok(Some(Scope { inherited, in_main, depth: scope.depth + 1, ..scope }))
    }

    fn node(&mut self, id: Id, scope: Scope) -> Result<(), DocumentError> {
        let tree = self.tree;
        match tree.node(id).map(|node| &node.data) {
            Some(Data::Text(text)) if scope.inherited.shows() => {
                self.text(text, scope);
                Ok(())
            }
            Some(Data::Element(element)) if scope.depth <= 2 * MAX_DEPTH => {
                match self.scope(id, element, scope)? {
                    Some(scope) => self.element(id, element, scope),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn element(&mut self, id: Id, element: &Element, scope: Scope) -> Result<(), DocumentError> {
        if element.is_drawing() {
            return self.drawing(id, element, scope);
        }
        match element.tag() {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if !scope.in_cell => {
                let level = element.tag().bytes().last().map_or(1, |digit| digit - b'0');
                self.flush(Kind::Paragraph);
                self.children(id, Scope { in_heading: true, ..scope })?;
                self.heading(level);
                Ok(())
            }
            "br" => {
                self.line_break(scope);
                Ok(())
            }
            "img" => {
                self.picture(element, scope);
                Ok(())
            }
            "input" | "textarea" | "select" | "option" | "progress" | "meter" => Ok(()),
            "button" if !scope.in_heading => Ok(()),
            "annotation" | "annotation-xml" => Ok(()),
            "sup" => self.raised(id, scope),
            "q" => {
                self.text("“", scope);
                self.children(id, scope)?;
                self.line.push('”');
                Ok(())
            }
            "pre" | "xmp" | "listing" if !scope.in_cell => {
                self.flush(Kind::Paragraph);
                self.children(id, Scope { preformatted: true, ..scope })?;
                self.flush(Kind::Code);
                Ok(())
            }
            "ul" | "ol" | "menu" | "dir" if !scope.in_cell => self.list(id, element, scope),
            "li" if !scope.in_cell => self.item(id, element, scope),
            "dt" if !scope.in_cell => self.term(id, scope),
            "dd" if !scope.in_cell => self.definition(id, scope),
            "table" => cells::table(self, id, element, scope),
            "summary" => self.block(id, Scope { in_heading: true, ..scope }),
            tag if is_block(tag) => self.block(id, scope),
            _ => self.children(id, scope),
        }
    }

    /// Writes the content of an element that begins and ends a line.
    pub(crate) fn block(&mut self, id: Id, scope: Scope) -> Result<(), DocumentError> {
        self.flush_in(scope);
        self.children(id, scope)?;
        self.flush_in(scope);
        Ok(())
    }

    /// Writes the words of a drawing.
    fn drawing(&mut self, id: Id, element: &Element, scope: Scope) -> Result<(), DocumentError> {
        match element.tag() {
            "text" | "foreignObject" => self.block(id, scope),
            "title" | "desc" | "metadata" | "style" | "script" | "defs" => Ok(()),
            _ => {
                let tree = self.tree;
                for child in tree.children(id) {
                    // Text counts only within `text`.
                    if tree.element(child).is_some() || matches!(element.tag(), "tspan" | "textPath" | "a") {
                        self.node(child, scope)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn list(&mut self, id: Id, element: &Element, scope: Scope) -> Result<(), DocumentError> {
        self.end_line();
        let items =
            self.tree.children(id).filter(|id| self.tree.element(*id).is_some_and(|e| e.tag() == "li"));
        self.lists.push(List::of(element, items.count()));
        let result = self.children(id, scope);
        self.flush(Kind::Item);
        self.lists.pop();
        result
    }

    fn item(&mut self, id: Id, element: &Element, scope: Scope) -> Result<(), DocumentError> {
        self.flush(Kind::Item);
        self.marker = Some(marker(&mut self.lists, element));
        self.children(id, scope)?;
        self.flush(Kind::Item);
        self.marker = None;
        Ok(())
    }

    fn term(&mut self, id: Id, scope: Scope) -> Result<(), DocumentError> {
        self.flush(Kind::Paragraph);
        if self
            .tree
            .previous_element(id)
            .and_then(|id| self.tree.element(id))
            .is_none_or(|before| before.tag() != "dt")
        {
            self.undefined();
        }
        self.children(id, Scope { in_cell: true, ..scope })?;
        let term = std::mem::take(&mut self.line);
        self.terms.push(term.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok(())
    }

    fn definition(&mut self, id: Id, scope: Scope) -> Result<(), DocumentError> {
        let again = self
            .tree
            .previous_element(id)
            .and_then(|id| self.tree.element(id))
            .is_some_and(|e| e.tag() == "dd");
        let terms = if again { vec![] } else { std::mem::take(&mut self.terms) };
        self.flush(Kind::Item);
        self.marker = match terms.is_empty() {
            true => Some("  ".to_owned()),
            false => Some(format!("{}: ", terms.join(", "))),
        };
        self.children(id, scope)?;
        self.flush(Kind::Item);
        self.marker = None;
        Ok(())
    }
}

/// Returns whether an element begins and ends a line.
fn is_block(tag: &str) -> bool {
    matches!(
        tag,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "frameset"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "optgroup"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
            | "menu"
    )
}
