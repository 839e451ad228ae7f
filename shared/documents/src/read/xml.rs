//! XML parts of archives, as a compact tree that borrows from the source.
//!
//! Names are local: prefixes and namespaces do not count.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesRef, Event};

use super::decode::decode;
use crate::{DocumentError, Format, MAX_DEPTH};

/// Maximum number of elements and texts of one part.
const MAX_NODES: usize = 3_000_000;
/// No node.
const NONE: u32 = u32::MAX;

/// Returns the text of a part in UTF-8 or UTF-16.
pub(crate) fn source(bytes: Vec<u8>, format: Format) -> Result<String, DocumentError> {
    match String::from_utf8(bytes) {
        Ok(text) if !text.starts_with("<\0") => Ok(text),
        Ok(text) => decoded(text.as_bytes(), format),
        Err(error) => decoded(error.as_bytes(), format),
    }
}

fn decoded(bytes: &[u8], format: Format) -> Result<String, DocumentError> {
    let head = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let inner = head.split_once("encoding=").and_then(|(_, rest)| rest.split(['"', '\'']).nth(1));
    decode(bytes, None, inner).map(|decoded| decoded.text).map_err(|_| DocumentError::Broken(format))
}

/// A tree of elements and texts.
pub(crate) struct Xml<'a> {
    nodes: Vec<Slot<'a>>,
}

struct Slot<'a> {
    data: Data<'a>,
    first: u32,
    next: u32,
}

/// An element that has not ended.
struct Open {
    id: u32,
    /// Its last child.
    last: u32,
    /// The node before it in the same element.
    before: u32,
}

enum Data<'a> {
    Element { name: &'a str, attributes: &'a str },
    Text(Cow<'a, str>),
}

impl<'a> Xml<'a> {
    /// Parses a part. Fails on a document type, on custom entities and on deep nesting.
    pub(crate) fn parse(source: &'a str, format: Format) -> Result<Self, DocumentError> {
        Self::parse_without(source, format, ("", ""), |_| Ok(()))
    }

    /// Parses a part whose elements `name` in an element `parent` may not fit into memory together. Gives each of them
    /// to `take`, and leaves them out of the tree.
    pub(crate) fn parse_without(
        source: &'a str,
        format: Format,
        (parent, name): (&str, &str),
        mut take: impl FnMut(Node<'_>) -> Result<(), DocumentError>,
    ) -> Result<Self, DocumentError> {
        let broken = DocumentError::Broken(format);
        let source = source.trim_start_matches('\u{feff}');
        let mut tree = Self {
            nodes: vec![Slot { data: Data::Element { name: "", attributes: "" }, first: NONE, next: NONE }],
        };
        let mut reader = Reader::from_str(source);
        let mut open = vec![Open { id: 0, last: NONE, before: NONE }];
        loop {
            let start = usize::try_from(reader.buffer_position()).map_err(|_| broken)?;
            let event = reader.read_event().map_err(|_| broken)?;
            let ended = match event {
                Event::Start(element) => {
                    let tag = source.get(start + 1..start + 1 + element.len()).ok_or(broken)?;
                    let started = tree.element(tag, &mut open)?;
                    open.push(started);
                    if open.len() > MAX_DEPTH + 1 {
                        return Err(DocumentError::TooDeep);
                    }
                    None
                }
                Event::Empty(element) => {
                    let tag = source.get(start + 1..start + 1 + element.len()).ok_or(broken)?;
                    Some(tree.element(tag, &mut open)?)
                }
                Event::End(_) => open.pop(),
                Event::Text(text) => tree.text(text.xml10_content(), &mut open)?,
                Event::CData(text) => tree.text(text.xml10_content(), &mut open)?,
                Event::GeneralRef(reference) => {
                    tree.text(Cow::Owned(resolve(&reference)?.to_string()), &mut open)?
                }
                Event::DocType(_) => return Err(DocumentError::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => None,
                Event::Eof if open.len() > 1 => return Err(broken),
                Event::Eof => return Ok(tree),
            };
            if let (Some(ended), Some(above)) = (ended, open.last_mut())
                && tree.is(ended.id, name)
                && tree.is(above.id, parent)
            {
                take(Node { tree: &tree, id: ended.id })?;
                tree.remove(&ended, above);
            }
        }
    }

    /// Parses a part that the document can do without. Returns `None` if the part is broken.
    pub(crate) fn parse_or_skip(source: &'a str, format: Format) -> Result<Option<Self>, DocumentError> {
        match Self::parse(source, format) {
            Ok(tree) => Ok(Some(tree)),
            Err(DocumentError::Broken(_) | DocumentError::Entity) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn element(&mut self, tag: &'a str, open: &mut [Open]) -> Result<Open, DocumentError> {
        let end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(end);
        let name = name.rsplit(':').next().unwrap_or_default();
        let before = open.last().map_or(NONE, |parent| parent.last);
        let id = self.push(Data::Element { name, attributes }, open)?;
        Ok(Open { id, last: NONE, before })
    }

    fn text(&mut self, text: Cow<'a, str>, open: &mut [Open]) -> Result<Option<Open>, DocumentError> {
        // Text outside the root element is blank.
        if open.len() > 1 {
            self.push(Data::Text(text), open)?;
        }
        Ok(None)
    }

    fn push(&mut self, data: Data<'a>, open: &mut [Open]) -> Result<u32, DocumentError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(DocumentError::TooManyElements);
        }
        let id = u32::try_from(self.nodes.len()).map_err(|_| DocumentError::TooManyElements)?;
        self.nodes.push(Slot { data, first: NONE, next: NONE });
        if let Some(parent) = open.last_mut() {
            self.link(parent.id, parent.last, id);
            parent.last = id;
        }
        Ok(id)
    }

    /// Makes `child` the child of `parent` that follows `before`.
    fn link(&mut self, parent: u32, before: u32, child: u32) {
        let (at, is_first) = if before == NONE { (parent, true) } else { (before, false) };
        if let Some(slot) = self.nodes.get_mut(at as usize) {
            *(if is_first { &mut slot.first } else { &mut slot.next }) = child;
        }
    }

    /// Removes an element that ended last, with all below it.
    fn remove(&mut self, ended: &Open, above: &mut Open) {
        self.nodes.truncate(ended.id as usize);
        self.link(above.id, ended.before, NONE);
        above.last = ended.before;
    }

    fn is(&self, id: u32, name: &str) -> bool {
        !name.is_empty() && Node { tree: self, id }.name() == name
    }

    /// Returns the node above the root element.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { tree: self, id: 0 }
    }
}

/// Resolves a numeric reference or one of XML's five predefined entities. A custom entity
/// could expand to any size.
fn resolve(reference: &BytesRef<'_>) -> Result<char, DocumentError> {
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference.resolve_char_ref().ok().flatten().ok_or(DocumentError::Entity),
    }
}

/// An element or a text.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Xml<'t>,
    id: u32,
}

impl<'t> Node<'t> {
    fn slot(self) -> Option<&'t Slot<'t>> {
        self.tree.nodes.get(self.id as usize)
    }

    /// Returns the local name of an element, and nothing for a text.
    pub(crate) fn name(self) -> &'t str {
        match self.slot().map(|slot| &slot.data) {
            Some(Data::Element { name, .. }) => name,
            _ => "",
        }
    }

    /// Returns the text of a text node.
    pub(crate) fn own_text(self) -> Option<&'t str> {
        match self.slot().map(|slot| &slot.data) {
            Some(Data::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the value of an attribute by its local name.
    pub(crate) fn attribute(self, name: &str) -> Option<Cow<'t, str>> {
        self.attribute_where(|key| key.rsplit(':').next() == Some(name))
    }

    /// Returns the value of an attribute that has a prefix.
    pub(crate) fn attribute_with_prefix(self, name: &str) -> Option<Cow<'t, str>> {
        self.attribute_where(|key| key.split_once(':').is_some_and(|(_, local)| local == name))
    }

    fn attribute_where(self, wanted: impl Fn(&str) -> bool) -> Option<Cow<'t, str>> {
        let Some(Data::Element { attributes, .. }) = self.slot().map(|slot| &slot.data) else { return None };
        let mut all = Attributes::new(attributes, 0);
        let found = all
            .with_checks(false)
            .filter_map(Result::ok)
            .find(|attribute| wanted(attribute.key.into_inner()))?;
        match found.value {
            Cow::Borrowed(value) if value.contains('&') => quick_xml::escape::unescape(value).ok(),
            Cow::Borrowed(value) => Some(Cow::Borrowed(value)),
            Cow::Owned(value) => Some(Cow::Owned(value)),
        }
    }

    /// Returns the `val` attribute of a child.
    pub(crate) fn value(self, child: &str) -> Option<Cow<'t, str>> {
        self.child(child)?.attribute("val")
    }

    pub(crate) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let node = move |id: u32| (id != NONE).then_some(Node { tree: self.tree, id });
        std::iter::successors(self.slot().and_then(|slot| node(slot.first)), move |at| node(at.slot()?.next))
    }

    /// Returns the first child with a name.
    pub(crate) fn child(self, name: &str) -> Option<Node<'t>> {
        self.children().find(|child| child.name() == name)
    }

    /// Returns the node that a path of child names leads to.
    pub(crate) fn at(self, path: &[&str]) -> Option<Node<'t>> {
        path.iter().try_fold(self, |node, name| node.child(name))
    }

    /// Returns all elements below with a name, in document order, none within another.
    pub(crate) fn all(self, name: &str) -> Vec<Node<'t>> {
        let mut found = vec![];
        self.collect(name, &mut found);
        found
    }

    fn collect(self, name: &str, found: &mut Vec<Node<'t>>) {
        for child in self.children() {
            if child.name() == name {
                found.push(child);
            } else {
                child.collect(name, found);
            }
        }
    }

    /// Returns all text below.
    pub(crate) fn text(self) -> String {
        let mut text = String::new();
        self.append_text(&mut text);
        text
    }

    fn append_text(self, text: &mut String) {
        for child in self.children() {
            match child.own_text() {
                Some(own) => text.push_str(own),
                None => child.append_text(text),
            }
        }
    }
}
