//! Text of a DOCX: its main part, and the parts that it refers to.

mod body;
mod numbering;
mod paragraph;
mod styles;

use std::collections::HashMap;

use self::body::Body;
use self::numbering::Numbering;
use self::paragraph::has;
use self::styles::Styles;
use super::package::{Package, Relations};
use super::xml::Xml;
use super::{decode, html, text};
use crate::content::{Content, Kind, Warning};
use crate::{DocumentError, Format, Options};

/// The main part, where most writers put it.
const MAIN: &str = "word/document.xml";
/// Embedded documents that are read, and how many of them may be DOCX files.
const MAX_CHUNKS: usize = 1_000;
const MAX_INNER: usize = 4;
/// Headers and footers that are read.
const MAX_MARGINS: usize = 100;

/// Returns the content of a DOCX.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    read(bytes, true)
}

/// Reads a DOCX. One within another is not read further.
fn read(bytes: &[u8], is_outer: bool) -> Result<Content, DocumentError> {
    let mut package = Package::open(bytes, Format::Docx)?;
    let main = package.main(MAIN)?;
    let relations = package.relations(&main)?;
    let mut parts = Parts { package, relations, warnings: vec![] };
    let source = parts.of_kind("styles")?;
    let styles = parts.tree("styles", source.as_deref())?.map(|tree| Styles::read(&tree)).unwrap_or_default();
    let source = parts.of_kind("numbering")?;
    let numbering = parts.tree("numbers", source.as_deref())?;
    let numbering = numbering.map(|tree| Numbering::read(&tree, &styles)).unwrap_or_default();
    let source = parts.of_kind("settings")?;
    let settings = parts.tree("settings", source.as_deref())?;
    let even = settings.is_some_and(|tree| has(tree.root().child("settings"), "evenAndOddHeaders"));
    let source = parts.package.source(&main)?.ok_or(DocumentError::NoMainPart(Format::Docx))?;
    let tree = Xml::parse(&source, Format::Docx)?;
    let sources = [("footnotes", parts.of_kind("footnotes")?), ("endnotes", parts.of_kind("endnotes")?)];
    let mut notes = HashMap::new();
    for (kind, source) in &sources {
        notes.extend(parts.tree(kind, source.as_deref())?.map(|tree| (*kind, tree)));
    }
    let mut body = Body::new(&styles, numbering, &notes);
    let (headers, footers) = headers(&tree, even, &parts.relations);
    for name in headers {
        parts.margin(&name, &mut body)?;
    }
    body.blocks(tree.root())?;
    for name in footers {
        parts.margin(&name, &mut body)?;
    }
    let (mut content, chunks) = body.finish();
    content.warnings.append(&mut parts.warnings);
    if chunks.len() > MAX_CHUNKS {
        content.warnings.push(Warning::LeftOut(format!("embedded documents after the first {MAX_CHUNKS}")));
    }
    let mut blocks = content.blocks.into_iter();
    let mut joined = vec![];
    let mut read_so_far = 0;
    for (index, chunk) in chunks.into_iter().take(MAX_CHUNKS).enumerate() {
        joined.extend(blocks.by_ref().take(chunk.at - read_so_far));
        read_so_far = chunk.at;
        let Some(part) = parts.relations.get(&chunk.id).map(|relation| relation.target.clone()) else {
            continue;
        };
        let inner = alternative(&mut parts.package, &part, is_outer && index < MAX_INNER)?;
        joined.extend(inner.blocks);
        content.warnings.extend(inner.warnings);
    }
    joined.extend(blocks);
    content.blocks = joined;
    if content.title.is_none() {
        content.title = parts.package.title()?;
    }
    Ok(content)
}

/// The package, and the parts that were left out.
struct Parts<'a> {
    package: Package<'a>,
    relations: Relations,
    warnings: Vec<Warning>,
}

impl Parts<'_> {
    /// Returns the source of the part that the main part refers to as `kind`.
    fn of_kind(&mut self, kind: &str) -> Result<Option<String>, DocumentError> {
        let target =
            self.relations.values().find(|relation| relation.kind == kind).map(|relation| &relation.target);
        target.map_or(Ok(None), |target| self.package.source(target))
    }

    /// Parses a part that the document can do without.
    fn tree<'t>(&mut self, what: &str, source: Option<&'t str>) -> Result<Option<Xml<'t>>, DocumentError> {
        let Some(source) = source else { return Ok(None) };
        let tree = Xml::parse_or_skip(source, Format::Docx)?;
        if tree.is_none() {
            self.warnings.push(Warning::LeftOut(format!("the {what}, which are broken")));
        }
        Ok(tree)
    }

    /// Writes a header or footer, unless it has only the number of the page.
    fn margin(&mut self, name: &str, body: &mut Body<'_>) -> Result<(), DocumentError> {
        let source = self.package.source(name)?;
        match self.tree("headers or footers", source.as_deref())? {
            Some(tree) => body.margin(tree.root()),
            None => Ok(()),
        }
    }
}

/// Returns the parts of the headers and footers that pages show, each once.
fn headers(tree: &Xml<'_>, even: bool, relations: &Relations) -> (Vec<String>, Vec<String>) {
    let (mut headers, mut footers) = (vec![], vec![]);
    for section in tree.root().all("sectPr") {
        let first = has(Some(section), "titlePg");
        for reference in section.children() {
            let list = match reference.name() {
                "headerReference" => &mut headers,
                "footerReference" => &mut footers,
                _ => continue,
            };
            let kind = reference.attribute("type").unwrap_or_default();
            if kind == "first" && !first || kind == "even" && !even {
                continue;
            }
            let target = reference.attribute("id").and_then(|id| relations.get(&*id));
            if let Some(target) =
                target.filter(|target| list.len() < MAX_MARGINS && !list.contains(&target.target))
            {
                list.push(target.target.clone());
            }
        }
    }
    (headers, footers)
}

/// Reads a part in another format, which the document shows in its place.
fn alternative(package: &mut Package<'_>, name: &str, is_outer: bool) -> Result<Content, DocumentError> {
    let Some(bytes) = package.archive.part(name)? else { return Ok(Content::default()) };
    let lower = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    if bytes.starts_with(b"PK\x03\x04") && is_outer {
        return read(&bytes, false);
    }
    if ends(&[".htm", ".html", ".xhtml"]) || bytes.trim_ascii_start().first() == Some(&b'<') {
        return html::document(&bytes, None, Options { keep_boilerplate: true });
    }
    let mut content = Content::default();
    if ends(&[".rtf", ".mht", ".doc", ".docx"]) || bytes.starts_with(b"{\\rtf") {
        content.warnings.push(Warning::LeftOut(format!("the embedded document `{name}`")));
    } else {
        let decoded = decode::decode(&bytes, None, None)?;
        content.push(Kind::Paragraph, text::clean(decoded.text));
    }
    Ok(content)
}
