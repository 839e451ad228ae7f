//! PPTX presentations: each slide is a section with its title, texts, tables and notes.

use super::package::{Package, Relations};
use super::table::{Row, Table};
use super::xml::{Node, Xml};
use crate::content::{Content, Kind, Warning};
use crate::{DocumentError, Format, MAX_PAGES};

/// Returns the content of a presentation. Slides are pages.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    let mut package = Package::open(bytes, Format::Pptx)?;
    let main = package.main("ppt/presentation.xml")?;
    let relations = package.relations(&main)?;
    let source = package.source(&main)?.ok_or(DocumentError::NoMainPart(Format::Pptx))?;
    let tree = Xml::parse(&source, Format::Pptx)?;
    let mut content = Content::default();
    let (mut total, mut empty, mut hidden) = (0, 0, 0);
    for (number, id) in (1..).zip(tree.root().all("sldId").into_iter().take(MAX_PAGES)) {
        // The slide's own id has the same name without a prefix.
        let relation = id.attribute_with_prefix("id").and_then(|id| relations.get(&*id));
        let Some(name) = relation.map(|relation| relation.target.clone()) else { continue };
        let start = content.blocks.len();
        match slide(&mut package, &name, number, &mut content)? {
            Shown::Hidden => hidden += 1,
            Shown::Empty => (total, empty) = (total + 1, empty + 1),
            Shown::Text => total += 1,
        }
        content.blocks.iter_mut().skip(start).for_each(|block| block.page = Some(number));
    }
    if hidden > 0 {
        let noun = if hidden == 1 { "hidden slide" } else { "hidden slides" };
        content.warnings.push(Warning::LeftOut(format!("{hidden} {noun}")));
    }
    content.warn_empty("slides", empty, total);
    content.title = package.title()?;
    Ok(content)
}

/// What a slide shows.
enum Shown {
    Hidden,
    Empty,
    Text,
}

fn slide(
    package: &mut Package<'_>,
    name: &str,
    number: u32,
    content: &mut Content,
) -> Result<Shown, DocumentError> {
    let Some(source) = package.source(name)? else { return Ok(Shown::Empty) };
    let tree = Xml::parse(&source, Format::Pptx)?;
    let is_hidden =
        |node: Node<'_>| node.attribute("show").is_some_and(|show| show == "0" || show == "false");
    if tree.root().child("sld").is_some_and(is_hidden) {
        return Ok(Shown::Hidden);
    }
    let relations = package.relations(name)?;
    let mut shapes = Shapes::default();
    for node in tree.root().all("spTree") {
        shapes.within(node);
    }
    for id in std::mem::take(&mut shapes.diagrams) {
        shapes.diagram(package, &relations, &id)?;
    }
    let notes = notes(package, &relations)?;
    let has_text = !shapes.title.is_empty() || !shapes.content.is_empty() || !notes.is_empty();
    if has_text {
        let title = if shapes.title.is_empty() { format!("Slide {number}") } else { shapes.title };
        content.push(Kind::Heading(1), title);
        content.blocks.append(&mut shapes.content.blocks);
        if !notes.is_empty() {
            content.push(Kind::Paragraph, format!("Notes: {notes}"));
        }
    }
    Ok(if has_text { Shown::Text } else { Shown::Empty })
}

/// Returns the speaker's notes of a slide.
fn notes(package: &mut Package<'_>, relations: &Relations) -> Result<String, DocumentError> {
    let Some(relation) = relations.values().find(|relation| relation.kind == "notesSlide") else {
        return Ok(String::new());
    };
    let Some(source) = package.source(&relation.target)? else { return Ok(String::new()) };
    let tree = Xml::parse(&source, Format::Pptx)?;
    let shapes =
        tree.root().all("sp").into_iter().filter(|shape| placeholder(*shape).as_deref() == Some("body"));
    let texts = shapes.flat_map(|shape| shape.all("p")).map(paragraph).filter(|text| !text.trim().is_empty());
    Ok(texts.collect::<Vec<_>>().join("\n"))
}

/// The texts of a slide.
#[derive(Default)]
struct Shapes {
    title: String,
    content: Content,
    /// Ids of the data of diagrams.
    diagrams: Vec<String>,
}

impl Shapes {
    fn within(&mut self, node: Node<'_>) {
        for child in node.children() {
            match child.name() {
                "sp" if is_shown(child) => self.shape(child),
                "grpSp" if is_shown(child) => self.within(child),
                "graphicFrame" if is_shown(child) => self.frame(child),
                "AlternateContent" => {
                    if let Some(shown) = child.child("Choice").or_else(|| child.child("Fallback")) {
                        self.within(shown);
                    }
                }
                _ => {}
            }
        }
    }

    fn shape(&mut self, node: Node<'_>) {
        let Some(body) = node.child("txBody") else { return };
        let paragraphs: Vec<(usize, String)> = body
            .children()
            .filter(|child| child.name() == "p")
            .map(|node| {
                let level =
                    node.child("pPr").and_then(|properties| properties.attribute("lvl")?.parse().ok());
                (level.unwrap_or_default(), paragraph(node))
            })
            .filter(|(_, text)| !text.trim().is_empty())
            .collect();
        match placeholder(node).as_deref() {
            Some("sldNum" | "dt" | "ftr") => {}
            Some("title" | "ctrTitle") if self.title.is_empty() => {
                let lines: Vec<_> = paragraphs.iter().map(|(_, text)| text.trim()).collect();
                self.title = lines.join(" ");
            }
            _ if paragraphs.len() == 1 => self
                .content
                .push(Kind::Paragraph, paragraphs.into_iter().map(|(_, text)| text).collect::<String>()),
            _ => {
                for (level, text) in paragraphs {
                    self.content.push(Kind::Item, format!("{}- {}", "  ".repeat(level.min(8)), text.trim()));
                }
            }
        }
    }

    fn frame(&mut self, node: Node<'_>) {
        for grid in node.all("tbl") {
            let named = grid.child("tblPr").and_then(|properties| properties.attribute("firstRow"));
            let mut table = Table::default();
            for (index, row) in grid.children().filter(|child| child.name() == "tr").enumerate() {
                let cells = row.children().filter(|child| child.name() == "tc");
                let text =
                    |cell: Node<'_>| cell.all("p").into_iter().map(paragraph).collect::<Vec<_>>().join(" ");
                let is_header = index == 0 && named.as_deref() == Some("1");
                table.rows.push(Row { cells: cells.map(text).collect(), is_header });
            }
            table.write(&mut self.content);
        }
        self.diagrams
            .extend(node.all("relIds").iter().filter_map(|ids| Some(ids.attribute("dm")?.into_owned())));
    }

    /// Adds the texts of a diagram (SmartArt).
    fn diagram(
        &mut self,
        package: &mut Package<'_>,
        relations: &Relations,
        id: &str,
    ) -> Result<(), DocumentError> {
        let Some(relation) = relations.get(id) else { return Ok(()) };
        let Some(source) = package.source(&relation.target)? else { return Ok(()) };
        let tree = Xml::parse(&source, Format::Pptx)?;
        for node in tree.root().all("p") {
            self.content.push(Kind::Item, format!("- {}", paragraph(node)).trim_end_matches("- ").to_owned());
        }
        Ok(())
    }
}

fn is_shown(shape: Node<'_>) -> bool {
    let properties = shape.children().find_map(|child| child.child("cNvPr"));
    !properties.is_some_and(|properties| {
        properties.attribute("hidden").is_some_and(|hidden| hidden == "1" || hidden == "true")
    })
}

/// Returns the kind of a placeholder, such as `title`.
fn placeholder(shape: Node<'_>) -> Option<String> {
    let node = shape.at(&["nvSpPr", "nvPr", "ph"])?;
    Some(node.attribute("type").map_or_else(|| "obj".to_owned(), |kind| kind.into_owned()))
}

/// Returns the text of a paragraph.
fn paragraph(node: Node<'_>) -> String {
    let mut text = String::new();
    for child in node.children() {
        match child.name() {
            "r" | "fld" => text.extend(child.child("t").map(Node::text)),
            "br" => text.push('\n'),
            "AlternateContent" => text.extend(child.child("Choice").map(Node::text)),
            "m" => text.push_str(&child.text()),
            _ => {}
        }
    }
    text
}
