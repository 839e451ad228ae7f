//! Automatic numbers of headings, clauses and lists.

use std::collections::HashMap;

use super::styles::{Styles, is_on};
use crate::read::html::list::numeral;
use crate::read::xml::{Node, Xml};

/// Levels of a list.
const LEVELS: usize = 9;

/// How a level is numbered.
#[derive(Debug, Clone, Default)]
struct Level {
    start: i64,
    format: String,
    /// The label, with `%1` for the number of the first level.
    text: String,
    /// Numbers of all levels are decimal.
    is_legal: bool,
    /// The level never restarts.
    goes_on: bool,
    style: Option<String>,
}

/// A list as the document uses it.
#[derive(Debug, Clone, Default)]
struct List {
    definition: String,
    /// New first numbers, by level. Each counts once.
    starts: HashMap<usize, i64>,
    levels: HashMap<usize, Level>,
}

/// All lists and their current numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    definitions: HashMap<String, HashMap<usize, Level>>,
    lists: HashMap<String, List>,
    /// The numbers of each definition. Lists of one definition count together.
    counts: HashMap<String, [Option<i64>; LEVELS]>,
}

impl Numbering {
    pub(crate) fn read(tree: &Xml<'_>, styles: &Styles) -> Self {
        let mut numbering = Self::default();
        let mut links = HashMap::new();
        for node in tree.root().all("abstractNum") {
            let Some(id) = node.attribute("abstractNumId") else { continue };
            if let Some(link) = node.value("numStyleLink") {
                links.insert(id.to_string(), link.into_owned());
            }
            let levels = node.children().filter(|child| child.name() == "lvl").filter_map(level).collect();
            numbering.definitions.insert(id.into_owned(), levels);
        }
        for node in tree.root().all("num") {
            let (Some(id), Some(definition)) = (node.attribute("numId"), node.value("abstractNumId")) else {
                continue;
            };
            let mut list = List { definition: definition.into_owned(), ..List::default() };
            for change in node.children().filter(|child| child.name() == "lvlOverride") {
                let Some(at) = change.attribute("ilvl").and_then(|at| at.parse().ok()) else { continue };
                if let Some(start) = change.value("startOverride").and_then(|start| start.parse().ok()) {
                    list.starts.insert(at, start);
                }
                list.levels.extend(change.child("lvl").and_then(level));
            }
            numbering.lists.insert(id.into_owned(), list);
        }
        // A definition may only name a style whose list has the levels.
        for (id, style) in links {
            let target = styles
                .get(&style)
                .list
                .and_then(|list| Some(self::clone(&numbering.lists, &list)?.definition));
            if let Some(levels) = target.and_then(|target| numbering.definitions.get(&target).cloned()) {
                numbering.definitions.insert(id, levels);
            }
        }
        numbering
    }

    /// Returns the level of a list that belongs to a paragraph style.
    pub(crate) fn level_of_style(&self, list: &str, style: &str) -> Option<usize> {
        let levels = self.definitions.get(&self.lists.get(list)?.definition)?;
        levels.iter().find(|(_, level)| level.style.as_deref() == Some(style)).map(|(at, _)| *at)
    }

    /// Counts a paragraph and returns its label, with a blank after it.
    pub(crate) fn label(&mut self, list: &str, at: usize) -> Option<String> {
        let at = at.min(LEVELS - 1);
        let used = self.lists.get_mut(list)?;
        let restart = used.starts.remove(&at);
        let definition = self.definitions.get(&used.definition)?;
        let level = |at: usize| used.levels.get(&at).or_else(|| definition.get(&at));
        let counts = self.counts.entry(used.definition.clone()).or_insert([None; LEVELS]);
        let own = level(at)?;
        for (deeper, count) in counts.iter_mut().enumerate().skip(at + 1) {
            if !level(deeper).is_some_and(|level| level.goes_on) {
                *count = None;
            }
        }
        let count = counts.get_mut(at)?;
        *count = Some(restart.unwrap_or_else(|| count.map_or(own.start, |count| count.saturating_add(1))));
        if own.format == "bullet" {
            return Some(format!("{}- ", "  ".repeat(at)));
        }
        let mut label = own.text.clone();
        for (index, count) in counts.iter().enumerate().take(at + 1) {
            let mark = format!("%{}", index + 1);
            if label.contains(&mark) {
                let level = level(index);
                let number = count.unwrap_or_else(|| level.map_or(1, |level| level.start));
                let format = level.map_or("decimal", |level| level.format.as_str());
                label =
                    label.replace(&mark, &number_text(number, if own.is_legal { "decimal" } else { format }));
            }
        }
        let label = label.trim();
        (!label.is_empty()).then(|| format!("{label} "))
    }
}

fn clone(lists: &HashMap<String, List>, id: &str) -> Option<List> {
    lists.get(id).cloned()
}

fn level(node: Node<'_>) -> Option<(usize, Level)> {
    let at = node.attribute("ilvl")?.parse().ok().filter(|at| *at < LEVELS)?;
    let level = Level {
        start: node.value("start").and_then(|start| start.parse().ok()).unwrap_or(0),
        format: node.value("numFmt").map_or_else(|| "decimal".to_owned(), |format| format.into_owned()),
        text: node.value("lvlText").unwrap_or_default().into_owned(),
        is_legal: node
            .child("isLgl")
            .is_some_and(|legal| legal.attribute("val").is_none_or(|value| is_on(&value))),
        goes_on: node.value("lvlRestart").is_some_and(|restart| restart == "0"),
        style: node.value("pStyle").map(|style| style.into_owned()),
    };
    Some((at, level))
}

/// Returns a number in one of Word's formats.
fn number_text(number: i64, format: &str) -> String {
    match format {
        "lowerLetter" => repeated_letter(number),
        "upperLetter" => repeated_letter(number).to_uppercase(),
        "lowerRoman" => numeral(number, "i"),
        "upperRoman" => numeral(number, "I"),
        "decimalZero" => format!("{number:02}"),
        "none" => String::new(),
        "ordinal" => {
            let ending = match (number % 10, number % 100) {
                (1, tens) if tens != 11 => "st",
                (2, tens) if tens != 12 => "nd",
                (3, tens) if tens != 13 => "rd",
                _ => "th",
            };
            format!("{number}{ending}")
        }
        _ => number.to_string(),
    }
}

/// Returns a number as Word counts letters: `z`, then `aa`, `bb`.
fn repeated_letter(number: i64) -> String {
    let Some(index) = number.checked_sub(1).filter(|index| (0..780).contains(index)) else {
        return number.to_string();
    };
    let letter = numeral(index % 26 + 1, "a");
    letter.repeat(usize::try_from(index / 26 + 1).unwrap_or(1))
}
