//! Layout: positions become lines, columns and paragraphs.

use std::collections::BTreeMap;

use super::content::Glyph;
use super::direction::{Direction, direction};
use super::line::{self, Item, Segment};
use super::mend;
use super::order::{self, Block};

/// Steps of a direction, in radians: text at nearly the same angle is read together.
const ANGLE: f64 = std::f64::consts::PI / 36.0;
/// Baselines of one line differ by less than this many sizes.
const SAME_LINE: f64 = 0.25;
/// A raised or lowered character is at most this many sizes from its line.
const RAISED: f64 = 0.6;
/// A character that begins at most this many ems before the last one still follows it.
const BACK: f64 = 0.6;
/// The smallest number of lines with a gap between two columns.
const GUTTER_LINES: i64 = 5;
/// Text beyond this many points has no columns.
const MAX_WIDTH: f64 = 5_000.0;
/// A part of a line is compared with this many others.
const MAX_PARTS: usize = 100;
/// A distance between two lines this many times the usual one starts a paragraph.
const PARAGRAPH: f64 = 1.35;

/// Returns the text of a page: paragraphs, separated by an empty line.
pub(crate) fn text(glyphs: Vec<Glyph>) -> String {
    let mut directions: BTreeMap<i32, Vec<Glyph>> = BTreeMap::new();
    for glyph in glyphs.into_iter().filter(|glyph| !glyph.is_unmapped()) {
        let angle = (glyph.dy.atan2(glyph.dx) / ANGLE).round() as i32;
        // Half a turn is the same in both directions.
        let angle = if angle == -36 { 36 } else { angle };
        directions.entry(angle).or_default().push(glyph);
    }
    let mut directions: Vec<_> = directions.into_iter().collect();
    // The main text first, then notes at its side.
    directions.sort_by_key(|(_, glyphs)| std::cmp::Reverse(glyphs.len()));
    let mut text = String::new();
    for (angle, glyphs) in directions {
        let items = rotate(glyphs, f64::from(angle) * ANGLE);
        let lines = lines(items);
        let gutters = gutters(&lines);
        let segments = lines.into_iter().flat_map(|line| line::segments(line, &gutters)).collect();
        for block in order::blocks(segments) {
            append(&mut text, &paragraphs(&block));
        }
    }
    text
}

/// Appends a block. A word that is divided between two columns stays whole.
fn append(text: &mut String, block: &str) {
    if block.is_empty() {
        return;
    }
    let is_divided = block.starts_with(char::is_lowercase) && divide(text);
    if !text.is_empty() && !is_divided {
        text.push_str("\n\n");
    }
    text.push_str(block);
}

/// Replaces a hyphen at the end of a text by a mark. Returns whether there was one.
fn divide(text: &mut String) -> bool {
    let mut letters = text.chars().rev();
    let (last, before) = (letters.next(), letters.next());
    let divided =
        before.is_some_and(char::is_alphabetic) && matches!(last, Some('-' | '\u{2010}' | mend::SOFT_HYPHEN));
    if divided {
        text.pop();
        if last != Some(mend::SOFT_HYPHEN) {
            text.push(mend::LINE_HYPHEN);
        }
    }
    divided
}

/// Rotates characters so that their lines run to the right.
fn rotate(glyphs: Vec<Glyph>, angle: f64) -> Vec<Item> {
    let (sin, cos) = (-angle).sin_cos();
    let item = |(order, glyph): (usize, Glyph)| {
        let (x0, y) = (glyph.x * cos - glyph.y * sin, glyph.x * sin + glyph.y * cos);
        let x1 = x0 + glyph.dx.hypot(glyph.dy);
        Item { text: glyph.text, x0, x1, y, size: glyph.size, em: glyph.em, place: x0, order }
    };
    glyphs.into_iter().enumerate().map(item).collect()
}

/// Characters that follow each other in the content, on one baseline.
struct Run {
    items: Vec<Item>,
    y: f64,
    size: f64,
}

/// Returns the middles of the gaps that many lines have at the same place.
fn gutters(lines: &[Vec<Item>]) -> Vec<f64> {
    if lines.len() < GUTTER_LINES as usize {
        return vec![];
    }
    // Changes at points: of lines with a gap there, and of lines that begin before and end after.
    let mut changes: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
    let place = |x: f64| x.clamp(-MAX_WIDTH, MAX_WIDTH) as i32;
    for line in lines {
        let mut extents: Vec<(f64, f64, f64)> = line
            .iter()
            .filter(|item| !item.text.trim().is_empty())
            .map(|item| (item.x0, item.x1, item.em))
            .collect();
        extents.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some((mut end, first)) = extents.first().map(|first| (first.1, first.0)) else { continue };
        let last = extents.iter().map(|extent| extent.1).fold(first, f64::max);
        changes.entry(place(first)).or_default().1 += 1;
        changes.entry(place(last)).or_default().1 -= 1;
        for (x0, x1, em) in extents {
            if x0 - end > line::GUTTER * em {
                changes.entry(place(end) + 1).or_default().0 += 1;
                changes.entry(place(x0)).or_default().0 -= 1;
            }
            end = end.max(x1);
        }
    }
    let (mut gaps, mut wide) = (0, 0);
    let mut start: Option<i32> = None;
    let mut gutters = vec![];
    for (x, (more_gaps, more_lines)) in changes {
        gaps += more_gaps;
        wide += more_lines;
        let is_gutter = gaps >= GUTTER_LINES && gaps * 2 >= wide;
        match (is_gutter, start) {
            (true, None) => start = Some(x),
            (false, Some(from)) => {
                gutters.push(f64::from(from + x) / 2.0);
                start = None;
            }
            _ => {}
        }
    }
    gutters
}

/// Returns the characters of each line.
fn lines(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut runs: Vec<Run> = vec![];
    for mut item in items {
        if let Some(run) = runs.last_mut()
            && let Some(last) = run.items.last()
            && belongs(&item, last, run)
        {
            if direction(&item.text) != Direction::RightToLeft {
                item.place = item.place.max(last.place);
            }
            if item.size > run.size * 1.1 {
                (run.y, run.size) = (item.y, item.size);
            }
            run.items.push(item);
        } else {
            runs.push(Run { y: item.y, size: item.size, items: vec![item] });
        }
    }
    runs.sort_by(|a, b| b.y.total_cmp(&a.y));
    let mut lines: Vec<Line> = vec![];
    for run in runs {
        let part = Part::of(&run);
        let fits = |line: &Line| {
            (line.y - run.y).abs() < SAME_LINE * line.size.min(run.size)
                && !line.parts.iter().rev().take(MAX_PARTS).any(|other| other.collides(&part))
        };
        // Runs are sorted, so only the last lines can be near.
        match lines.iter_mut().rev().take(4).find(|line| fits(line)) {
            Some(line) => {
                line.items.extend(run.items);
                line.parts.push(part);
            }
            None => lines.push(Line { items: run.items, y: run.y, size: run.size, parts: vec![part] }),
        }
    }
    lines.into_iter().map(|line| line.items).collect()
}

/// A line, with the runs that it consists of.
struct Line {
    items: Vec<Item>,
    y: f64,
    size: f64,
    parts: Vec<Part>,
}

/// Extent and text of a run.
struct Part {
    x0: f64,
    x1: f64,
    text: String,
}

impl Part {
    fn of(run: &Run) -> Self {
        let text: String = run.items.iter().map(|item| &*item.text).collect();
        let letters = run.items.iter().filter(|item| !item.text.trim().is_empty());
        let (x0, x1) = letters
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(x0, x1), item| (x0.min(item.x0), x1.max(item.x1)));
        Self { x0, x1, text: text.trim().to_owned() }
    }

    /// Returns whether two different texts lie on each other, such as a value on a ruled line.
    fn collides(&self, other: &Self) -> bool {
        let is_word = |part: &Self| part.text.chars().count() > 2;
        let shared = self.x1.min(other.x1) - self.x0.max(other.x0);
        is_word(self)
            && is_word(other)
            && shared > 0.5 * (self.x1 - self.x0).min(other.x1 - other.x0)
            && self.text != other.text
    }
}

fn belongs(item: &Item, last: &Item, run: &Run) -> bool {
    let size = item.size.max(run.size);
    let (gap, shift) = (item.x0 - last.x1, (item.y - run.y).abs());
    let on_line = shift < SAME_LINE * item.size.min(run.size) || (item.y - last.y).abs() < 0.05 * size;
    let raised = shift < RAISED * size
        && gap.abs() < 0.35 * size
        && (item.size < 0.85 * run.size || last.size < 0.85 * item.size || shift < 0.4 * size);
    let is_after = item.x0 > last.x0 - BACK * item.em;
    (on_line && is_after && gap < 2.0 * size) || raised
}

/// Returns the text of a block: lines that run on become paragraphs.
fn paragraphs(block: &Block) -> String {
    let lines = &block.lines;
    let (left, right) = lines.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(left, right), line| {
        (left.min(line.x0), right.max(line.x1))
    });
    let pitches: Vec<f64> = lines
        .iter()
        .zip(lines.iter().skip(1))
        .map(|(upper, lower)| upper.y - lower.y)
        .filter(|pitch| *pitch > 0.0)
        .collect();
    let usual = if pitches.len() < 2 { 0.0 } else { line::median(pitches) };
    // Longer lines are sentences, shorter ones may be entries of a list.
    let words: usize = lines.iter().map(|line| order::words(&line.text)).sum();
    let is_prose = lines.len() > 2 && words >= lines.len() * 3;
    let mut text = String::new();
    let mut last: Option<&Segment> = None;
    for line in lines {
        if let Some(last) = last {
            let pitch = last.y - line.y;
            let width = right - left;
            let is_short = last.x1 < right - 0.25 * width;
            let is_full = last.x1 > right - 0.15 * width;
            let indented = line.x0 - left > line.size && last.x0 - left < 0.5 * line.size;
            let ratio = line.size / last.size;
            let starts = pitch > PARAGRAPH * usual.max(1.1 * line.size)
                || !(0.83..1.2).contains(&ratio)
                || (!block.is_table
                    && ends_sentence(&last.text)
                    && (is_short || indented)
                    && lines.len() > 2);
            if starts {
                text.push_str("\n\n");
            } else if block.is_table && (line.cells > 1 || !order::continues(&line.text)) {
                text.push('\n');
            } else {
                join(&mut text, &line.text, is_full && is_prose);
            }
        }
        text.push_str(&line.text);
        last = Some(line);
    }
    text
}

/// Appends what separates a line from the text before.
fn join(text: &mut String, line: &str, is_full: bool) {
    let first = line.chars().next().unwrap_or(' ');
    let last = text.chars().next_back().unwrap_or(' ');
    let has_hyphen = matches!(last, '-' | '\u{2010}' | mend::SOFT_HYPHEN);
    if has_hyphen && first.is_lowercase() && divide(text) {
        return;
    }
    if has_hyphen && text.chars().rev().nth(1).is_some_and(char::is_alphanumeric) && first.is_alphanumeric() {
        // A hyphen before a name or a number is part of the word.
        return;
    }
    if mend::is_unspaced(last) && mend::is_unspaced(first) {
        return;
    }
    let continues = first.is_alphabetic() && !first.is_uppercase() && !is_list_mark(line);
    let expects_more = matches!(last, ',' | ';' | '(' | '/' | '&');
    let in_prose = is_full && !is_list_mark(line) && first.is_alphanumeric();
    text.push(if continues || expects_more || in_prose { ' ' } else { '\n' });
}

/// Returns whether a line starts with a mark such as `a)` or `3.`.
fn is_list_mark(line: &str) -> bool {
    let mark = line.split_whitespace().next().unwrap_or_default();
    let is_bullet = mark.chars().count() == 1 && !mark.starts_with(char::is_alphanumeric);
    let is_number = mark.len() <= 4
        && mark.ends_with([')', '.'])
        && mark.trim_end_matches([')', '.']).chars().all(char::is_alphanumeric);
    is_bullet || is_number
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', ')', '»']).ends_with(['.', '!', '?', ':', '。', '！', '？'])
}
