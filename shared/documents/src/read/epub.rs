//! EPUB books: the pages of the spine, in order.

use std::collections::HashMap;

use super::archive::Archive;
use super::html;
use super::package::resolve;
use super::xml::{self, Node, Xml};
use crate::content::{Block, Content, Kind, Warning};
use crate::{DocumentError, Format, MAX_PAGES, Options};

/// Returns the content of a book.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    let mut archive = Archive::open(bytes, Format::Epub)?;
    let container =
        part(&mut archive, "META-INF/container.xml")?.ok_or(DocumentError::NoMainPart(Format::Epub))?;
    let tree = Xml::parse(&container, Format::Epub)?;
    let files = tree.root().all("rootfile");
    let paths = files.iter().filter_map(|file| file.attribute("full-path")).map(|path| decoded(&path));
    let path = { paths }.find(|path| archive.has(path)).ok_or(DocumentError::NoMainPart(Format::Epub))?;
    let package = part(&mut archive, &path)?.ok_or(DocumentError::NoMainPart(Format::Epub))?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let tree = Xml::parse(&package, Format::Epub)?;
    let title = tree.root().all("title").first().map(|title| title.text().trim().to_owned());
    let mut content = Content { title: title.filter(|title| !title.is_empty()), ..Content::default() };
    let (mut total, mut empty) = (0, 0);
    for name in spine(&tree, folder) {
        let Some(bytes) = archive.part(&name)? else { continue };
        total += 1;
        let page = html::document(&bytes, None, Options { keep_boilerplate: true })?;
        if page.is_empty() {
            empty += 1;
            continue;
        }
        // A chapter without a heading has at least a title.
        let named = page.title.filter(|title| Some(title) != content.title.as_ref());
        if let Some(title) =
            named.filter(|_| !page.blocks.iter().any(|block| matches!(block.kind, Kind::Heading(_))))
        {
            content.push(Kind::Heading(1), title);
        }
        content.blocks.extend::<Vec<Block>>(page.blocks);
        content.warnings.extend(page.warnings);
    }
    if content.is_empty() && archive.part("META-INF/encryption.xml")?.is_some() {
        return Err(DocumentError::EncryptedOffice(Format::Epub));
    }
    content.warn_empty("chapters", empty, total);
    if total == 0 {
        content.warnings.push(Warning::LeftOut("the chapters, which the book does not list".to_owned()));
    }
    Ok(content)
}

fn part(archive: &mut Archive<'_>, name: &str) -> Result<Option<String>, DocumentError> {
    archive.part(name)?.map(|bytes| xml::source(bytes, Format::Epub)).transpose()
}

/// Returns the names of the pages in reading order, without the table of contents.
fn spine(tree: &Xml<'_>, folder: &str) -> Vec<String> {
    let item = |node: Node<'_>| {
        let is_contents =
            node.attribute("properties").is_some_and(|all| all.split_whitespace().any(|one| one == "nav"));
        let name = resolve(folder, &decoded(node.attribute("href")?.split('#').next().unwrap_or_default()));
        Some((node.attribute("id")?.into_owned(), (name, is_contents)))
    };
    let items: HashMap<String, (String, bool)> =
        tree.root().all("item").into_iter().filter_map(item).collect();
    let references = tree.root().all("itemref");
    let names = references.iter().take(MAX_PAGES).filter_map(|node| items.get(&*node.attribute("idref")?));
    names.filter(|(_, is_contents)| !is_contents).map(|(name, _)| name.clone()).collect()
}

/// Decodes `%20` and the like.
fn decoded(path: &str) -> String {
    let mut bytes = vec![];
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
