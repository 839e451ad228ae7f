//! Builds the tree of a page from the parser's calls, within limits.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, LocalName, Namespace, ParseOpts, QualName, ns, parse_document};

use super::tree::{Data, Element, Id, Node, Tree};
use crate::{DocumentError, MAX_DEPTH};

/// Maximum number of nodes of a page.
const MAX_NODES: usize = 1_000_000;
/// Maximum nesting depth with drawings, whose elements do not count otherwise.
const MAX_DRAWING: usize = 1_000;
/// Maximum number of attributes of one element. The parser compares each with all others.
const MAX_ATTRIBUTES: usize = 500;
/// Maximum work of the parser: it may look at every open element for each new element, and for
/// each tag that fits none.
const MAX_WORK: usize = 30_000_000;
/// Bytes after which the limits are checked.
const CHUNK: usize = 4_096;

/// Returns the nodes of a page.
pub(super) fn parse(source: &str) -> Result<Vec<Node>, DocumentError> {
    if has_too_many_attributes(source) {
        return Err(DocumentError::TooManyElements);
    }
    let mut parser = parse_document(Sink::new(), ParseOpts::default());
    let mut rest = source;
    while !rest.is_empty() {
        let (chunk, others) = rest.split_at(rest.floor_char_boundary(CHUNK.max(4)));
        rest = others;
        parser.process(StrTendril::from_slice(chunk));
        parser.tokenizer.sink.sink.check()?;
    }
    Ok(parser.finish())
}

/// Returns whether an element has more than [`MAX_ATTRIBUTES`].
fn has_too_many_attributes(source: &str) -> bool {
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        let tag = rest.get(at + 1..).unwrap_or_default();
        rest = tag;
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            if let Some(comment) = tag.strip_prefix("!--") {
                rest = comment.find("-->").and_then(|end| comment.get(end..)).unwrap_or_default();
            }
            continue;
        }
        let (count, end) = attributes(tag);
        if count > MAX_ATTRIBUTES {
            return true;
        }
        rest = tag.get(end..).unwrap_or_default();
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if let Some(name) = ["script", "style"].into_iter().find(|raw| raw.eq_ignore_ascii_case(name)) {
            rest = after_raw_text(rest, name);
        }
    }
    false
}

/// Where the parser is within a tag: <https://html.spec.whatwg.org/multipage/parsing.html#tokenization>.
enum InTag {
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// Returns the number of attributes of a tag, at most one more than [`MAX_ATTRIBUTES`], and where the tag ends.
fn attributes(tag: &str) -> (usize, usize) {
    use InTag::{AfterName, BeforeName, BeforeValue, Name, Quoted, TagName, Unquoted};
    let (mut count, mut state) = (0, TagName);
    for (at, byte) in tag.bytes().enumerate() {
        let is_blank = matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | b'\x0c');
        state = match (state, byte) {
            (Quoted(open), byte) if open == byte => BeforeName,
            (Quoted(open), _) => Quoted(open),
            (_, b'>') => return (count, at),
            (BeforeValue, b'"' | b'\'') => Quoted(byte),
            (BeforeValue, _) if is_blank => BeforeValue,
            (BeforeValue, _) => Unquoted,
            (Unquoted, _) => {
                if is_blank {
                    BeforeName
                } else {
                    Unquoted
                }
            }
            (Name | AfterName, b'=') => BeforeValue,
            (Name | AfterName, _) if is_blank => AfterName,
            (TagName | Name | AfterName | BeforeName, b'/') => BeforeName,
            (TagName | BeforeName, _) if is_blank => BeforeName,
            (TagName, _) => TagName,
            (Name, _) => Name,
            (BeforeName | AfterName, _) => {
                count += 1;
                Name
            }
        };
        if count > MAX_ATTRIBUTES {
            return (count, at);
        }
    }
    (count, tag.len())
}

/// Returns the source from the end tag of the element `name` on. Its text has no tags.
fn after_raw_text<'s>(source: &'s str, name: &str) -> &'s str {
    let mut rest = source;
    while let Some(at) = rest.find("</") {
        rest = rest.get(at..).unwrap_or_default();
        if rest.get(2..2 + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name)) {
            return rest;
        }
        rest = rest.get(2..).unwrap_or_default();
    }
    ""
}

/// Builds the tree.
struct Sink {
    nodes: RefCell<Vec<Node>>,
    deepest: Cell<(u16, u16)>,
    work: Cell<usize>,
}

/// A name that the parser compares.
#[derive(Debug)]
struct Name(Rc<QualName>);

impl ElemName for Name {
    fn ns(&self) -> &Namespace {
        &self.0.ns
    }

    fn local_name(&self) -> &LocalName {
        &self.0.local
    }
}

impl Sink {
    fn new() -> Self {
        let sink = Self { nodes: RefCell::new(vec![]), deepest: Cell::new((0, 0)), work: Cell::new(0) };
        sink.add(Data::Document);
        sink
    }

    /// Fails if the tree is too deep or too large.
    fn check(&self) -> Result<(), DocumentError> {
        let (elements, drawings) = self.deepest.get();
        if usize::from(elements) > MAX_DEPTH || usize::from(drawings) > MAX_DRAWING {
            return Err(DocumentError::TooDeep);
        }
        if self.nodes.borrow().len() > MAX_NODES || self.work.get() > MAX_WORK {
            return Err(DocumentError::TooManyElements);
        }
        Ok(())
    }

    fn add(&self, data: Data) -> Id {
        let mut nodes = self.nodes.borrow_mut();
        let node =
            Node { parent: None, first: None, next: None, last: None, previous: None, depth: (0, 0), data };
        nodes.push(node);
        nodes.len() - 1
    }

    /// Changes a node. Every id is an index of the vector.
    fn with<T>(&self, id: Id, change: impl FnOnce(&mut Node) -> T) -> Option<T> {
        self.nodes.borrow_mut().get_mut(id).map(change)
    }

    fn detach(&self, id: Id) {
        let Some((parent, previous, next)) =
            self.with(id, |node| (node.parent.take(), node.previous.take(), node.next.take()))
        else {
            return;
        };
        match previous {
            Some(previous) => self.with(previous, |node| node.next = next),
            None => parent.and_then(|parent| self.with(parent, |node| node.first = next)),
        };
        match next {
            Some(next) => self.with(next, |node| node.previous = previous),
            None => parent.and_then(|parent| self.with(parent, |node| node.last = previous)),
        };
    }

    /// Links `id` as a child of `parent` before `next`, or as the last child.
    fn link(&self, parent: Id, id: Id, next: Option<Id>) {
        self.detach(id);
        let (elements, drawings) = self.with(parent, |node| node.depth).unwrap_or_default();
        let previous = match next {
            Some(next) => self.with(next, |node| node.previous.replace(id)).flatten(),
            None => self.with(parent, |node| node.last.replace(id)).flatten(),
        };
        let depth = self.with(id, |node| {
            (node.parent, node.previous, node.next) = (Some(parent), previous, next);
            let counts = matches!(&node.data, Data::Element(element) if !element.is_drawing());
            node.depth = (elements.saturating_add(u16::from(counts)), drawings.saturating_add(1));
            node.depth
        });
        match previous {
            Some(previous) => self.with(previous, |node| node.next = Some(id)),
            None => self.with(parent, |node| node.first = Some(id)),
        };
        let (depth, deepest) = (depth.unwrap_or_default(), self.deepest.get());
        self.work.set(self.work.get() + usize::from(depth.1));
        self.deepest.set((depth.0.max(deepest.0), depth.1.max(deepest.1)));
    }

    fn insert(&self, parent: Id, child: NodeOrText<Id>, next: Option<Id>) {
        match child {
            NodeOrText::AppendNode(id) => self.link(parent, id, next),
            NodeOrText::AppendText(text) => {
                let previous = match next {
                    Some(next) => self.with(next, |node| node.previous).flatten(),
                    None => self.with(parent, |node| node.last).flatten(),
                };
                let joined = previous.and_then(|id| {
                    self.with(id, |node| match &mut node.data {
                        Data::Text(before) => {
                            before.push_str(&text);
                            true
                        }
                        _ => false,
                    })
                });
                if joined != Some(true) {
                    let id = self.add(Data::Text(text.to_string()));
                    self.link(parent, id, next);
                }
            }
        }
    }
}

impl TreeSink for Sink {
    type Handle = Id;
    type Output = Vec<Node>;
    type ElemName<'a> = Name;

    fn finish(self) -> Vec<Node> {
        self.nodes.into_inner()
    }

    fn parse_error(&self, _: Cow<'static, str>) {
        self.work.set(self.work.get() + usize::from(self.deepest.get().1));
    }

    fn get_document(&self) -> Id {
        Tree::ROOT
    }

    fn elem_name<'a>(&'a self, target: &'a Id) -> Name {
        let name = self.with(*target, |node| match &node.data {
            Data::Element(element) => Some(element.name.clone()),
            _ => None,
        });
        Name(name.flatten().unwrap_or_else(|| Rc::new(QualName::new(None, ns!(), LocalName::from("")))))
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> Id {
        let contents = flags.template.then(|| self.add(Data::Other));
        self.add(Data::Element(Element { name: Rc::new(name), attributes, contents }))
    }

    fn create_comment(&self, _: StrTendril) -> Id {
        self.add(Data::Other)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Id {
        self.add(Data::Other)
    }

    fn append(&self, parent: &Id, child: NodeOrText<Id>) {
        self.insert(*parent, child, None);
    }

    fn append_based_on_parent_node(&self, element: &Id, previous: &Id, child: NodeOrText<Id>) {
        match self.with(*element, |node| node.parent).flatten() {
            Some(parent) => self.insert(parent, child, Some(*element)),
            None => self.insert(*previous, child, None),
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Id) -> Id {
        let contents = self.with(*target, |node| match &node.data {
            Data::Element(element) => element.contents,
            _ => None,
        });
        contents.flatten().unwrap_or(*target)
    }

    fn same_node(&self, one: &Id, other: &Id) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Id, child: NodeOrText<Id>) {
        if let Some(parent) = self.with(*sibling, |node| node.parent).flatten() {
            self.insert(parent, child, Some(*sibling));
        }
    }

    fn add_attrs_if_missing(&self, target: &Id, attributes: Vec<Attribute>) {
        self.with(*target, |node| {
            if let Data::Element(element) = &mut node.data {
                for attribute in attributes {
                    if element.attributes.len() < MAX_ATTRIBUTES
                        && !element.attributes.iter().any(|known| known.name == attribute.name)
                    {
                        element.attributes.push(attribute);
                    }
                }
            }
        });
    }

    fn remove_from_parent(&self, target: &Id) {
        self.detach(*target);
    }

    fn reparent_children(&self, node: &Id, parent: &Id) {
        while let Some(child) = self.with(*node, |node| node.first).flatten() {
            self.link(*parent, child, None);
        }
    }
}
