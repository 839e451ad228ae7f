//! Text of one paragraph: runs, fields, notes, symbols and tracked changes.

use super::styles::{Styles, hidden, is_on};
use crate::read::xml::Node;

/// The text of a paragraph, and what hangs on it.
#[derive(Default)]
pub(crate) struct Text<'t> {
    pub text: String,
    /// Contents of text boxes, to be written after the paragraph.
    pub boxes: Vec<Node<'t>>,
    /// Footnotes and endnotes: which, the id, and the number that the text shows.
    pub notes: Vec<(&'static str, String, usize)>,
}

/// Reads paragraphs.
pub(crate) struct Runs<'s> {
    pub styles: &'s Styles,
    /// The paragraph's style hides its text.
    pub hidden: bool,
    /// Number of the next note.
    pub next_note: usize,
}

impl Runs<'_> {
    /// Appends the text of everything within `node`.
    pub(crate) fn within<'t>(&mut self, node: Node<'t>, text: &mut Text<'t>) {
        for child in node.children() {
            self.inline(child, text);
        }
    }

    fn inline<'t>(&mut self, node: Node<'t>, text: &mut Text<'t>) {
        match node.name() {
            "r" => self.run(node, text),
            // Deleted text, text at the place that it moved away from, and properties.
            "del" | "moveFrom" | "pPr" | "rPr" | "sdtPr" | "sdtEndPr" | "rt" | "delText" | "instrText"
            | "delInstrText" => {}
            // A placeholder such as "Click here to enter text".
            "sdt" if node.at(&["sdtPr", "showingPlcHdr"]).is_some() => {}
            "AlternateContent" => {
                let shown = node.child("Choice").or_else(|| node.child("Fallback"));
                if let Some(shown) = shown {
                    self.within(shown, text);
                }
            }
            "txbxContent" => text.boxes.push(node),
            "f" => self.fraction(node, text),
            "sSup" => self.joined(node, "e", "^", "sup", text),
            "sSub" => self.joined(node, "e", "_", "sub", text),
            "rad" => {
                text.text.push('√');
                node.child("e").into_iter().for_each(|node| self.within(node, text));
            }
            "t" => text.text.push_str(&node.text()),
            "tab" | "ptab" => text.text.push('\t'),
            "br" | "cr" => text.text.push('\n'),
            "noBreakHyphen" => text.text.push('-'),
            "sym" => text.text.extend(symbol(node)),
            "footnoteReference" => self.note("footnotes", node, text),
            "endnoteReference" => self.note("endnotes", node, text),
            _ => self.within(node, text),
        }
    }

    fn run<'t>(&mut self, node: Node<'t>, text: &mut Text<'t>) {
        let properties = node.child("rPr");
        let style = properties.and_then(|properties| properties.value("rStyle"));
        let hides = properties
            .and_then(hidden)
            .or_else(|| style.and_then(|style| self.styles.get(&style).hidden))
            .unwrap_or(self.hidden);
        if !hides {
            self.within(node, text);
        }
    }

    fn note(&mut self, part: &'static str, node: Node<'_>, text: &mut Text<'_>) {
        if let Some(id) = node.attribute("id") {
            text.text.push_str(&format!("[{}]", self.next_note));
            text.notes.push((part, id.into_owned(), self.next_note));
            self.next_note += 1;
        }
    }

    fn fraction<'t>(&mut self, node: Node<'t>, text: &mut Text<'t>) {
        self.joined(node, "num", "/", "den", text);
    }

    /// Appends two parts of a formula with a sign between them.
    fn joined<'t>(&mut self, node: Node<'t>, one: &str, sign: &str, other: &str, text: &mut Text<'t>) {
        for (sign, part) in [("", one), (sign, other)] {
            text.text.push_str(sign);
            let start = text.text.len();
            node.child(part).into_iter().for_each(|node| self.within(node, text));
            let is_long = text
                .text
                .get(start..)
                .is_some_and(|part| part.chars().count() > 1 && part.contains(['+', '-', ' ']));
            if is_long {
                text.text.insert(start, '(');
                text.text.push(')');
            }
        }
    }
}

/// Returns the character of a symbol font.
fn symbol(node: Node<'_>) -> Option<char> {
    let code = u32::from_str_radix(&node.attribute("char")?, 16).ok()?;
    let font = node.attribute("font").unwrap_or_default().to_lowercase();
    let byte = code & 0xff;
    if code < 0xf000 {
        return char::from_u32(code);
    }
    match (font.as_str(), byte) {
        ("wingdings", 0xfe | 0x78 | 0x54) | ("wingdings 2", 0x54 | 0x52) => Some('☒'),
        ("wingdings", 0xa8 | 0x6f | 0x71) | ("wingdings 2", 0xa3) => Some('☐'),
        ("wingdings", 0xfc) => Some('✓'),
        ("wingdings", 0xfb) => Some('✗'),
        ("wingdings", 0xe0) => Some('→'),
        ("wingdings", 0xdf) => Some('←'),
        ("symbol", byte) => greek(byte).or_else(|| char::from_u32(byte)),
        _ => Some('•'),
    }
}

/// Returns the character of the font Symbol.
fn greek(byte: u32) -> Option<char> {
    const LETTERS: &str = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ";
    match byte {
        0x61..=0x7a => LETTERS.chars().nth(usize::try_from(byte - 0x61).ok()?),
        0x41..=0x5a => LETTERS.chars().nth(usize::try_from(byte - 0x41).ok()?)?.to_uppercase().next(),
        0xb0 => Some('°'),
        0xb1 => Some('±'),
        0xa3 => Some('≤'),
        0xb3 => Some('≥'),
        0xb4 => Some('×'),
        0xb7 => Some('•'),
        0xb9 => Some('≠'),
        0xbb => Some('≈'),
        0xae => Some('→'),
        0xa5 => Some('∞'),
        0xd6 => Some('√'),
        0xe5 => Some('∑'),
        _ => None,
    }
}

/// Returns whether the mark at the end of a paragraph is deleted, which joins it to the next.
pub(crate) fn joins_next(properties: Option<Node<'_>>) -> bool {
    properties.and_then(|properties| properties.child("rPr")).is_some_and(|run| run.child("del").is_some())
}

/// Returns whether a switch below `node` is on.
pub(crate) fn has(node: Option<Node<'_>>, name: &str) -> bool {
    node.and_then(|node| node.child(name))
        .is_some_and(|node| node.attribute("val").is_none_or(|value| is_on(&value)))
}
