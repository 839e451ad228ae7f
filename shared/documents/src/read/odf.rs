//! OpenDocument files: their parts and their text.

use super::archive::Archive;
use super::xml::{self, Node, Xml};
use crate::{DocumentError, Format};

/// Returns the source of the content and the title of the document.
pub(crate) fn parts(bytes: &[u8], format: Format) -> Result<(String, Option<String>), DocumentError> {
    let mut archive = Archive::open(bytes, format)?;
    if let Some(manifest) = archive.part("META-INF/manifest.xml")?
        && manifest.windows(15).any(|window| window == b"encryption-data")
    {
        return Err(DocumentError::EncryptedOffice(format));
    }
    let title = match archive.part("meta.xml")? {
        Some(meta) => {
            let source = xml::source(meta, format)?;
            let tree = Xml::parse(&source, format)?;
            tree.root().all("title").first().map(|title| title.text().trim().to_owned())
        }
        None => None,
    };
    let content = archive.part("content.xml")?.ok_or(DocumentError::NoMainPart(format))?;
    Ok((xml::source(content, format)?, title.filter(|title| !title.is_empty())))
}

/// Returns the text of a paragraph, without comments.
pub(crate) fn text(node: Node<'_>) -> String {
    let mut text = String::new();
    append(node, &mut text);
    text
}

fn append(node: Node<'_>, text: &mut String) {
    for child in node.children() {
        match child.name() {
            "" => text.extend(child.own_text()),
            "annotation" | "note" | "bookmark" => {}
            "s" => {
                let blanks = child.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1_usize);
                text.extend(std::iter::repeat_n(' ', blanks.min(100)));
            }
            "tab" => text.push('\t'),
            "line-break" => text.push('\n'),
            _ => append(child, text),
        }
    }
}
