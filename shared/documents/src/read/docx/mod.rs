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

/// Returns the content of a DOCX.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    read(bytes, true)
}

/// Reads a DOCX. One within another is not read further.
fn read(bytes: &[u8], is_outer: bool) -> Result<Content, DocumentError> {
    let mut package = Package::open(bytes, Format::Docx)?;
    let main = package.main(MAIN)?;
    let relations = package.relations(&main)?;
    let mut parts = Parts { package, relations, sources: HashMap::new() };
    let styles = match parts.of_kind("styles")? {
        Some(source) => Styles::read(&Xml::parse(&source, Format::Docx)?),
        None => Styles::default(),
    };
    let numbering = match parts.of_kind("numbering")? {
        Some(source) => Numbering::read(&Xml::parse(&source, Format::Docx)?, &styles),
        None => Numbering::default(),
    };
    let even = match parts.of_kind("settings")? {
        Some(source) => {
            let tree = Xml::parse(&source, Format::Docx)?;
            has(tree.root().child("settings"), "evenAndOddHeaders")
        }
        None => false,
    };
    let source = parts.package.source(&main)?.ok_or(DocumentError::NoMainPart(Format::Docx))?;
    let tree = Xml::parse(&source, Format::Docx)?;
    for kind in ["footnotes", "endnotes"] {
        if let Some(source) = parts.of_kind(kind)? {
            parts.sources.insert(kind, source);
        }
    }
    let notes: HashMap<&str, Xml<'_>> = parts
        .sources
        .iter()
        .map(|(kind, source)| Ok((*kind, Xml::parse(source, Format::Docx)?)))
        .collect::<Result<_, DocumentError>>()?;
    let mut body = Body::new(&styles, numbering, &notes);
    let (headers, footers) = headers(&tree, even, &parts.relations);
    for name in headers {
        margin(&mut parts.package, &name, &mut body)?;
    }
    body.blocks(tree.root())?;
    for name in footers {
        margin(&mut parts.package, &name, &mut body)?;
    }
    let (mut content, chunks) = body.finish();
    for chunk in chunks.into_iter().rev() {
        let at = chunk.at.min(content.blocks.len());
        let part = parts.relations.get(&chunk.id).map(|relation| relation.target.clone());
        let inner = part
            .map(|part| alternative(&mut parts.package, &part, is_outer))
            .transpose()?
            .unwrap_or_default();
        content.blocks.splice(at..at, inner.blocks);
        content.warnings.extend(inner.warnings);
    }
    if content.title.is_none() {
        content.title = parts.package.title()?;
    }
    Ok(content)
}

/// The package, with the sources of parts that other parts borrow from.
struct Parts<'a> {
    package: Package<'a>,
    relations: Relations,
    sources: HashMap<&'static str, String>,
}

impl Parts<'_> {
    /// Returns the source of the part that the main part refers to as `kind`.
    fn of_kind(&mut self, kind: &str) -> Result<Option<String>, DocumentError> {
        let target =
            self.relations.values().find(|relation| relation.kind == kind).map(|relation| &relation.target);
        target.map_or(Ok(None), |target| self.package.source(target))
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
            if let Some(target) = target.filter(|target| !list.contains(&target.target)) {
                list.push(target.target.clone());
            }
        }
    }
    (headers, footers)
}

/// Writes a header or footer, unless it has only the number of the page.
fn margin(package: &mut Package<'_>, name: &str, body: &mut Body<'_>) -> Result<(), DocumentError> {
    let Some(source) = package.source(name)? else { return Ok(()) };
    let tree = Xml::parse(&source, Format::Docx)?;
    body.margin(tree.root())
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
