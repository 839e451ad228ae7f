//! Selectors, and which of a page's elements its style sheets hide.

use std::collections::HashMap;

use super::css::{self, Effect, WAYS};
use super::tree::{Element, Id, Tree};
use crate::DocumentError;

/// Maximum size of the style sheets of a page, in bytes.
const MAX_SHEETS: usize = 1024 * 1024;
/// Maximum number of comparisons of a selector's part with an element.
const MAX_STEPS: usize = 5_000_000;

/// A condition on one element.
enum Test {
    Tag(String),
    Id(String),
    Class(String),
    Attribute(String),
    /// An attribute, an operator such as `^`, and a value.
    Value(String, char, String),
    Not(Vec<Test>),
    /// Matches no element before a reader acts: `:hover`, `::before`.
    Never,
}

/// How the element of a part relates to the element of the next part.
#[derive(Clone, Copy, PartialEq)]
enum Link {
    Ancestor,
    Parent,
    Previous,
}

/// A rule whose selector is understood.
struct Parsed {
    /// Conditions of each element, innermost first, with the link to the next one.
    parts: Vec<(Vec<Test>, Link)>,
    specificity: u32,
    effect: Effect,
}

/// The rules of a page, found by the innermost element's id, class or tag.
#[derive(Default)]
pub(crate) struct Styles {
    rules: Vec<Parsed>,
    index: HashMap<String, Vec<usize>>,
    steps: usize,
}

impl Styles {
    /// Reads all style sheets within a page.
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut styles = Self::default();
        let mut size = 0;
        for id in 0..tree.len() {
            let Some(element) = tree.element(id).filter(|element| element.tag() == "style") else { continue };
            if element
                .attribute("media")
                .is_some_and(|media| media.contains("print") && !media.contains("screen"))
            {
                continue;
            }
            let sheet = tree.text(id);
            size += sheet.len();
            if size > MAX_SHEETS {
                break;
            }
            css::rules(&sheet).into_iter().for_each(|rule| styles.add(rule));
        }
        styles
    }

    fn add(&mut self, rule: css::Rule) {
        let Some(parts) = parts(&rule.selector) else { return };
        let Some((innermost, _)) = parts.first() else { return };
        let key = key(innermost);
        let specificity = parts.iter().flat_map(|(tests, _)| tests).map(weight).sum();
        self.index.entry(key).or_default().push(self.rules.len());
        self.rules.push(Parsed { parts, specificity, effect: rule.effect });
    }

    /// Returns, for each way to hide an element, whether the page uses or undoes it.
    ///
    /// Fails if the page needs too many comparisons.
    pub(crate) fn hidden(&mut self, tree: &Tree, id: Id) -> Result<[Option<bool>; WAYS], DocumentError> {
        let Some(element) = tree.element(id) else { return Ok([None; WAYS]) };
        // The strongest declaration so far: importance, specificity and order.
        let mut best: [(Option<bool>, (bool, u32, usize)); WAYS] = [(None, (false, 0, 0)); WAYS];
        let mut apply = |effect: &Effect, specificity: u32, order: usize| {
            for (slot, said) in best.iter_mut().zip(effect) {
                let Some((hides, important)) = *said else { continue };
                let strength = (important, specificity, order);
                if slot.0.is_none() || strength >= slot.1 {
                    *slot = (Some(hides), strength);
                }
            }
        };
        if !self.rules.is_empty() {
            let classes = element.attribute("class").unwrap_or_default().split_whitespace().take(100);
            let keys = classes.map(|class| format!(".{class}"));
            let keys = keys.chain(element.attribute("id").map(|id| format!("#{id}")));
            let keys = keys.chain([element.tag().to_owned(), "*".to_owned()]);
            for key in keys {
                for index in self.index.get(&key).into_iter().flatten() {
                    let Some(rule) = self.rules.get(*index) else { continue };
                    self.steps += 1;
                    if matches(tree, id, &rule.parts, &mut self.steps) {
                        apply(&rule.effect, rule.specificity, *index);
                    }
                }
            }
        }
        if self.steps > MAX_STEPS {
            return Err(DocumentError::TooManyElements);
        }
        if let Some(style) = element.attribute("style") {
            apply(&css::effect(style), u32::MAX, usize::MAX);
        }
        Ok(best.map(|(hides, _)| hides))
    }
}

/// Returns under which key a rule is found.
fn key(tests: &[Test]) -> String {
    let of = |test: &Test| match test {
        Test::Id(id) => Some((3, format!("#{id}"))),
        Test::Class(class) => Some((2, format!(".{class}"))),
        Test::Tag(tag) => Some((1, tag.clone())),
        _ => None,
    };
    tests.iter().filter_map(of).max().map_or_else(|| "*".to_owned(), |(_, key)| key)
}

fn weight(test: &Test) -> u32 {
    match test {
        Test::Id(_) => 10_000,
        Test::Class(_) | Test::Attribute(_) | Test::Value(..) => 100,
        Test::Tag(_) => 1,
        Test::Not(tests) => tests.iter().map(weight).sum(),
        Test::Never => 0,
    }
}

/// Returns whether an element matches a selector.
fn matches(tree: &Tree, id: Id, parts: &[(Vec<Test>, Link)], steps: &mut usize) -> bool {
    let Some(((tests, _), rest)) = parts.split_first() else { return true };
    let Some(element) = tree.element(id) else { return false };
    if !tests.iter().all(|test| fits(test, element)) {
        return false;
    }
    // Each part takes the nearest element that fits. A selector such as `a > b c` may need
    // another one, which is rare.
    let mut current = id;
    for (tests, link) in rest {
        let mut candidate = match link {
            Link::Previous => tree.previous_element(current),
            _ => tree.parent(current),
        };
        loop {
            *steps += 1;
            let Some((at, element)) = candidate.and_then(|at| Some((at, tree.element(at)?))) else {
                return false;
            };
            if tests.iter().all(|test| fits(test, element)) {
                current = at;
                break;
            }
            if *link != Link::Ancestor {
                return false;
            }
            candidate = tree.parent(at);
        }
    }
    true
}

fn fits(test: &Test, element: &Element) -> bool {
    match test {
        Test::Tag(tag) => element.tag().eq_ignore_ascii_case(tag),
        Test::Id(id) => element.attribute("id") == Some(id),
        Test::Class(class) => element
            .attribute("class")
            .is_some_and(|classes| classes.split_whitespace().any(|other| other == class)),
        Test::Attribute(name) => element.attribute(name).is_some(),
        Test::Value(name, operator, value) => element.attribute(name).is_some_and(|found| match operator {
            '^' => !value.is_empty() && found.starts_with(value.as_str()),
            '$' => !value.is_empty() && found.ends_with(value.as_str()),
            '*' => !value.is_empty() && found.contains(value.as_str()),
            '~' => found.split_whitespace().any(|word| word == value),
            '|' => {
                found == value || found.strip_prefix(value.as_str()).is_some_and(|rest| rest.starts_with('-'))
            }
            _ => found == value,
        }),
        Test::Not(tests) => !tests.iter().all(|test| fits(test, element)),
        Test::Never => false,
    }
}

/// Reads a selector. Returns `None` for one that is not supported.
fn parts(selector: &str) -> Option<Vec<(Vec<Test>, Link)>> {
    let mut parts: Vec<(Vec<Test>, Link)> = vec![];
    let mut link = Link::Ancestor;
    let spaced = selector.replace('>', " > ").replace('+', " + ");
    for word in words(&spaced) {
        match word {
            ">" => link = Link::Parent,
            "+" => link = Link::Previous,
            "~" => return None,
            word => {
                parts.push((tests(word)?, link));
                link = Link::Ancestor;
            }
        }
    }
    if parts.is_empty() || parts.len() > 10 {
        return None;
    }
    // The link to the outer element belongs to the outer part in matching order.
    let links: Vec<_> = parts.iter().map(|(_, link)| *link).collect();
    let outer = links.into_iter().skip(1).chain([Link::Ancestor]);
    let mut parts: Vec<_> = parts.into_iter().zip(outer).map(|((tests, _), link)| (tests, link)).collect();
    parts.reverse();
    Some(parts)
}

/// Splits a selector at blanks outside brackets.
fn words(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    selector
        .split(move |c: char| {
            match c {
                '[' | '(' => depth += 1,
                ']' | ')' => depth -= 1,
                _ => {}
            }
            depth <= 0 && c.is_whitespace()
        })
        .filter(|word| !word.is_empty())
}

/// Reads the conditions on one element.
fn tests(word: &str) -> Option<Vec<Test>> {
    let mut tests = vec![];
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let body = rest.get(first.len_utf8()..)?;
        let end = body.find(['.', '#', '[', ':']).unwrap_or(body.len());
        let (name, after) = body.split_at(end);
        rest = after;
        match first {
            '*' => {}
            '.' => tests.push(Test::Class(name.to_owned())),
            '#' => tests.push(Test::Id(name.to_owned())),
            '[' => {
                let (inner, after) = body.split_once(']')?;
                rest = after;
                tests.push(attribute(inner));
            }
            ':' => {
                let (name, argument, after) = match body.split_once('(') {
                    Some((name, argument)) if !name.contains(['.', '#', '[', ':']) => {
                        let (argument, after) = argument.split_once(')')?;
                        (name, argument, after)
                    }
                    _ => (name, "", after),
                };
                rest = after;
                match name {
                    "not" => tests.push(Test::Not(self::tests(argument.trim())?)),
                    "root" => tests.push(Test::Tag("html".to_owned())),
                    _ => tests.push(Test::Never),
                }
            }
            _ => tests.push(Test::Tag(format!("{first}{name}").to_ascii_lowercase())),
        }
    }
    Some(tests)
}

fn attribute(inner: &str) -> Test {
    let Some((name, value)) = inner.split_once('=') else {
        return Test::Attribute(inner.trim().to_ascii_lowercase());
    };
    let operator = name.chars().last().filter(|c| matches!(c, '^' | '$' | '*' | '~' | '|')).unwrap_or('=');
    let name = name.trim_end_matches(operator).trim().to_ascii_lowercase();
    let value = value.trim().trim_end_matches(" i").trim_matches(['"', '\'']);
    Test::Value(name, operator, value.to_owned())
}
