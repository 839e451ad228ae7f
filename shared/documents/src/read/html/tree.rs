//! The element tree of a page, in one vector.

use std::rc::Rc;

use html5ever::{Attribute, QualName, ns};

use crate::DocumentError;

/// Index of a node.
pub(crate) type Id = usize;

/// A node and its links to other nodes.
pub(crate) struct Node {
    pub parent: Option<Id>,
    pub first: Option<Id>,
    pub next: Option<Id>,
    pub(super) last: Option<Id>,
    pub(super) previous: Option<Id>,
    /// Number of ancestors: elements of drawings count only in the second number.
    pub(super) depth: (u16, u16),
    pub data: Data,
}

/// What a node is.
pub(crate) enum Data {
    Document,
    Element(Element),
    Text(String),
    /// A comment, or the contents of a template.
    Other,
}

/// An element of HTML, or of a drawing or formula within.
pub(crate) struct Element {
    pub name: Rc<QualName>,
    pub attributes: Vec<Attribute>,
    pub(super) contents: Option<Id>,
}

impl Element {
    /// Returns the name of the element, in lower case.
    pub(crate) fn tag(&self) -> &str {
        &self.name.local
    }

    /// Returns the value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| &*attribute.name.local == name)
            .map(|attribute| &*attribute.value)
    }

    /// Returns whether the element belongs to a drawing (SVG).
    pub(crate) fn is_drawing(&self) -> bool {
        self.name.ns == ns!(svg)
    }
}

/// The tree of a page.
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Parses a page as browsers do.
    pub(crate) fn parse(source: &str) -> Result<Self, DocumentError> {
        super::sink::parse(source).map(|nodes| Self { nodes })
    }

    /// The document, which has the root element as its child.
    pub(crate) const ROOT: Id = 0;

    pub(crate) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn element(&self, id: Id) -> Option<&Element> {
        match &self.nodes.get(id)?.data {
            Data::Element(element) => Some(element),
            _ => None,
        }
    }

    pub(crate) fn parent(&self, id: Id) -> Option<Id> {
        self.nodes.get(id)?.parent
    }

    /// Returns the previous sibling that is an element.
    pub(crate) fn previous_element(&self, id: Id) -> Option<Id> {
        let mut previous = self.nodes.get(id)?.previous;
        while let Some(id) = previous {
            if self.element(id).is_some() {
                return Some(id);
            }
            previous = self.nodes.get(id)?.previous;
        }
        None
    }

    pub(crate) fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(self.nodes.get(id).and_then(|node| node.first), |id| self.nodes.get(*id)?.next)
    }

    /// Returns the node and all nodes below it, in document order.
    pub(crate) fn below(&self, top: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(Some(top), move |id| {
            let node = self.nodes.get(*id)?;
            if node.first.is_some() {
                return node.first;
            }
            let mut id = *id;
            while id != top {
                let node = self.nodes.get(id)?;
                if node.next.is_some() {
                    return node.next;
                }
                id = node.parent?;
            }
            None
        })
    }

    /// Returns all text below a node.
    pub(crate) fn text(&self, top: Id) -> String {
        self.below(top)
            .filter_map(|id| match &self.nodes.get(id)?.data {
                Data::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}
