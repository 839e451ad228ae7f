//! Lines: characters on one baseline become words.

use std::rc::Rc;

use super::direction::reorder;
use super::mend;

/// A gap of this many ems is always wider than a word space.
const WIDE_GAP: f64 = 1.0;
/// The narrowest gap between two columns, in ems.
pub(crate) const GUTTER: f64 = 0.6;
/// A gap this many times the usual word space of its line separates columns.
const WIDE_FACTOR: f64 = 2.5;
/// The widest gap within a line, in ems.
const MAX_GAP: f64 = 3.0;
/// The narrowest word space, in ems, of a line without space characters, and of one with.
const WORD_GAP: f64 = 0.13;
const WORD_GAP_BESIDE_SPACES: f64 = 0.17;
/// The narrowest space between two characters of a script without word spaces, in ems.
const UNSPACED_GAP: f64 = 0.6;
/// Distance of two equal characters, in ems, that are one bold character.
const DOUBLED: f64 = 0.15;
/// Number of characters before a character that are compared with it.
const DOUBLES: usize = 6;
/// The narrowest space character, in ems.
const SPACE: f64 = 0.06;
/// The smallest number of letters of a heading with spaced letters.
const SPACED_LETTERS: usize = 4;

/// A character on a horizontal baseline.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub text: Rc<str>,
    pub x0: f64,
    pub x1: f64,
    pub y: f64,
    pub size: f64,
    pub em: f64,
    /// Place in the line. Differs from `x0` if the content moves back a little.
    pub place: f64,
    /// Number of the character in the content.
    pub order: usize,
}

/// A part of a line between two wide gaps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    pub text: String,
    pub x0: f64,
    pub x1: f64,
    pub y: f64,
    pub size: f64,
    /// Number of cells of a table that the segment consists of.
    pub cells: usize,
}

/// One or more characters that stay together, and whether a space character comes before.
#[derive(Debug)]
struct Piece {
    text: Rc<str>,
    x0: f64,
    x1: f64,
    y: f64,
    size: f64,
    em: f64,
    order: usize,
    spaced: bool,
}

/// Returns the segments of a line, from left to right. A gap at one of the `gutters` always
/// separates two segments.
pub(crate) fn segments(mut items: Vec<Item>, gutters: &[f64]) -> Vec<Segment> {
    items.sort_by(|a, b| a.place.total_cmp(&b.place));
    let pieces = pieces(without_doubles(items));
    let wide = wide_gap(&pieces);
    let mut segments = vec![];
    let mut rest = pieces.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut end = first.x1;
        let mut part = vec![first];
        let belongs = |piece: &Piece, end: f64| {
            let gap = piece.x0 - end;
            let at_gutter =
                gap > GUTTER * piece.em && gutters.iter().any(|gutter| (end..piece.x0).contains(gutter));
            gap <= wide * piece.em && !at_gutter
        };
        while let Some(piece) = rest.next_if(|piece| belongs(piece, end)) {
            end = end.max(piece.x1);
            part.push(piece);
        }
        segments.extend(segment(&part));
    }
    segments
}

/// Removes characters that are drawn again at nearly the same place, to look bold.
fn without_doubles(items: Vec<Item>) -> Vec<Item> {
    let mut kept: Vec<Item> = vec![];
    for item in items {
        let near = (DOUBLED * item.em).min(0.6 * (item.x1 - item.x0));
        let is_double = near > 0.02 * item.em
            && kept.iter().rev().take(DOUBLES).any(|other| {
                other.text == item.text
                    && (other.x0 - item.x0).abs() < near
                    && (other.y - item.y).abs() < DOUBLED * item.em
            });
        if !is_double || item.text.trim().is_empty() {
            kept.push(item);
        }
    }
    kept
}

/// Joins accents to their letters, and drops space characters.
fn pieces(items: Vec<Item>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = vec![];
    // Space characters since the last piece, and whether the last piece ends with one.
    let (mut spaces, mut spaced) = (0, false);
    for item in items {
        let mut text = item.text;
        if text.contains(mend::NO_WIDTH) {
            text = Rc::from(text.replace(mend::NO_WIDTH, ""));
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            spaces += usize::from(!text.is_empty());
            continue;
        }
        // A space of another part of the content may lie on a character of this line.
        let separates = pieces
            .last()
            .is_none_or(|last| item.x0 - last.x1 > SPACE * item.em || item.order == last.order + spaces + 1);
        let starts_spaced = spaced || text.starts_with(char::is_whitespace) || (spaces > 0 && separates);
        spaced = text.ends_with(char::is_whitespace);
        spaces = 0;
        let middle = (item.x0 + item.x1) / 2.0;
        if let Some(last) = pieces.last_mut()
            && !starts_spaced
        {
            let width = last.x1 - last.x0;
            let covered = (last.x1 - item.x0) > 0.5 * (item.x1 - item.x0).min(width);
            let (own, others) = (accent(trimmed), accent(&last.text));
            if let Some(mark) = own
                && others.is_none()
                && (covered || middle < last.x1)
                && last.text.ends_with(char::is_alphabetic)
            {
                last.text = Rc::from(mend::with_accent(&last.text, mark));
                continue;
            }
            if let Some(mark) = others
                && covered
                && trimmed.starts_with(char::is_alphabetic)
            {
                last.text = Rc::from(mend::with_accent(trimmed, mark));
                (last.x0, last.x1) = (last.x0.min(item.x0), last.x1.max(item.x1));
                (last.size, last.em) = (item.size, item.em);
                continue;
            }
        }
        pieces.push(Piece {
            text: if trimmed.len() == text.len() { text } else { Rc::from(trimmed) },
            x0: item.x0,
            x1: item.x1,
            y: item.y,
            size: item.size,
            em: item.em,
            order: item.order,
            spaced: starts_spaced,
        });
    }
    pieces
}

fn accent(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none()).and_then(mend::combining)
}

/// Returns the gaps between pieces in ems, and whether a space character is in each.
fn gaps(pieces: &[Piece]) -> Vec<(f64, bool)> {
    let mut gaps = vec![];
    let mut end = f64::NEG_INFINITY;
    for piece in pieces {
        if end.is_finite() {
            gaps.push(((piece.x0 - end) / piece.em, piece.spaced));
        }
        end = end.max(piece.x1);
    }
    gaps
}

/// Returns the smallest gap in ems that separates two segments of a line.
fn wide_gap(pieces: &[Piece]) -> f64 {
    let words: Vec<f64> = gaps(pieces)
        .into_iter()
        .filter(|(gap, spaced)| (*spaced || *gap > WORD_GAP) && *gap < MAX_GAP)
        .map(|(gap, _)| gap)
        .collect();
    let usual = if words.len() < 3 { 0.0 } else { median(words) };
    let factor = if is_spaced_out(pieces) { WIDE_FACTOR * 2.0 } else { WIDE_FACTOR };
    (usual * factor).clamp(WIDE_GAP, MAX_GAP)
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Returns the value that a quarter of the values are below.
fn lower_quarter(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 4).copied().unwrap_or_default()
}

/// Returns whether there is a space after every letter, as in some headings. Then only wider
/// gaps separate words.
fn is_spaced_out(pieces: &[Piece]) -> bool {
    let letter = |piece: &Piece| {
        let mut letters = piece.text.chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    };
    let spaced = pieces.iter().skip(1).filter(|piece| piece.spaced).count();
    pieces.len() >= SPACED_LETTERS && spaced * 10 >= (pieces.len() - 1) * 9 && pieces.iter().all(letter)
}

fn segment(pieces: &[Piece]) -> Option<Segment> {
    let first = pieces.first()?;
    let gaps = gaps(pieces);
    let spaced = gaps.iter().filter(|(_, spaced)| *spaced).count();
    let is_spaced_out = is_spaced_out(pieces);
    let limit = if is_spaced_out {
        median(gaps.iter().map(|(gap, _)| *gap).collect()) * 1.5 + 0.05
    } else {
        // Dots that lead to a page number say nothing about letters.
        let is_word = |piece: &Piece| piece.text.chars().all(char::is_alphanumeric);
        let pairs = pieces.iter().zip(pieces.iter().skip(1)).zip(&gaps);
        let within: Vec<f64> = pairs
            .filter(|((a, b), (_, spaced))| !spaced && is_word(a) && is_word(b))
            .map(|(_, (gap, _))| *gap)
            .collect();
        let usual =
            if within.len() < SPACED_LETTERS - 1 { 0.0 } else { lower_quarter(within).clamp(0.0, WIDE_GAP) };
        let narrowest = if spaced > 0 { WORD_GAP_BESIDE_SPACES } else { WORD_GAP };
        usual + narrowest.max(usual * 0.6)
    };
    let mut tokens = vec![];
    let mut before: Option<&Piece> = None;
    for (piece, gap) in pieces.iter().zip([None].into_iter().chain(gaps.iter().map(Some))) {
        if let (Some((gap, spaced)), Some(before)) = (gap, before) {
            let unspaced = before.text.chars().next_back().is_some_and(mend::is_unspaced)
                && piece.text.chars().next().is_some_and(mend::is_unspaced);
            let limit = if unspaced { limit.max(UNSPACED_GAP) } else { limit };
            if *gap > limit || (*spaced && !is_spaced_out) {
                tokens.push(" ");
            }
        }
        tokens.push(&*piece.text);
        before = Some(piece);
    }
    let largest = pieces.iter().max_by(|a, b| a.size.total_cmp(&b.size)).unwrap_or(first);
    Some(Segment {
        text: reorder(&tokens),
        x0: first.x0,
        x1: pieces.iter().map(|piece| piece.x1).fold(first.x1, f64::max),
        y: largest.y,
        size: largest.size,
        cells: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Characters of half an em, at the given distance after the previous one, in ems.
    fn items(letters: &[(&str, f64)]) -> Vec<Item> {
        let mut x = 0.0;
        let mut items = vec![];
        for (text, gap) in letters {
            x += gap * 10.0;
            items.push(Item {
                text: Rc::from(*text),
                x0: x,
                x1: x + 5.0,
                y: 0.0,
                size: 10.0,
                em: 10.0,
                place: x,
                order: items.len(),
            });
            x += 5.0;
        }
        items
    }

    fn text(letters: &[(&str, f64)]) -> Vec<String> {
        segments(items(letters), &[]).into_iter().map(|segment| segment.text).collect()
    }

    #[test]
    fn gaps_separate_words_and_columns() {
        assert_eq!(text(&[("a", 0.0), ("b", 0.0), ("c", 0.16), ("d", -0.02)]), ["ab cd"]);
        assert_eq!(text(&[("a", 0.0), ("b", 2.0)]), ["a", "b"]);
        assert_eq!(text(&[("a", 0.0), (" ", 0.0), ("b", 0.0)]), ["a b"]);
    }

    #[test]
    fn spaced_letters_are_one_word() {
        let spaced: Vec<_> =
            "INVOICE".split("").filter(|letter| !letter.is_empty()).map(|l| (l, 0.3)).collect();
        assert_eq!(text(&spaced), ["INVOICE"]);
        let letters = "T O T A L   D U E";
        let letters: Vec<_> =
            letters.split("").filter(|letter| !letter.is_empty()).map(|l| (l, 0.0)).collect();
        assert_eq!(text(&letters), ["TOTAL DUE"]);
    }
}
