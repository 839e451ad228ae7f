//! Cuts a long text into pieces at the best places.
//!
//! Reads each character at most three times: a cut lies in the second half of what was read,
//! or nothing better exists.

use super::weight;

/// How good a place for a cut is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Letter,
    Word,
    Sentence,
    Line,
    Paragraph,
}

/// A part of a text.
pub(crate) struct Piece<'a> {
    /// The first byte.
    pub at: usize,
    pub text: &'a str,
}

impl<'a> Piece<'a> {
    /// Returns `text` without blanks around it.
    pub(crate) fn trimmed(text: &'a str) -> Self {
        let start = text.trim_start();
        Self { at: text.len() - start.len(), text: start.trim_end() }
    }

    /// Returns `text` without empty lines around it. Keeps the indent of its first line.
    pub(crate) fn of_whole_lines(text: &'a str) -> Self {
        let start = text.trim_start_matches('\n');
        Self { at: text.len() - start.len(), text: start.trim_end() }
    }
}

/// A text that is cut from its beginning.
pub(crate) struct Pieces<'a> {
    rest: Piece<'a>,
    /// Lines stay whole, and pieces do not overlap.
    lines: bool,
}

impl<'a> Pieces<'a> {
    /// Cuts prose: pieces of one paragraph overlap by a sentence or two.
    pub(crate) fn of_prose(text: &'a str) -> Self {
        Self { rest: Piece::trimmed(text), lines: false }
    }

    /// Cuts at line ends.
    pub(crate) fn of_lines(text: &'a str) -> Self {
        Self { rest: Piece::of_whole_lines(text), lines: true }
    }

    /// Returns the next piece, which weighs at most `limit`.
    pub(crate) fn next(&mut self, limit: usize) -> Option<Piece<'a>> {
        let Piece { at, text } = self.rest;
        if text.is_empty() {
            return None;
        }
        let (end, next) = Scan::new(self.lines).cut(text, limit);
        let piece = Piece { at, text: text.get(..end)?.trim_end() };
        let rest = text.get(next..)?;
        let rest = if self.lines { rest.trim_start_matches('\n') } else { rest.trim_start() };
        self.rest = Piece { at: at + text.len() - rest.len(), text: rest };
        Some(piece)
    }
}

/// One pass over the beginning of a text.
struct Scan {
    lines: bool,
    /// Weight so far.
    used: usize,
    /// The last good place of each rank.
    best: [usize; 5],
    /// Beginnings of sentences, and the weight before each.
    sentences: Vec<(usize, usize)>,
    previous: char,
    /// A sentence ended, and only quotes, brackets or blanks followed.
    ended: bool,
    /// Line ends since the last other character.
    breaks: usize,
}

impl Scan {
    fn new(lines: bool) -> Self {
        Self { lines, used: 0, best: [0; 5], sentences: vec![], previous: '\n', ended: false, breaks: 0 }
    }

    /// Returns the end of the first piece and the beginning of the next one.
    fn cut(mut self, text: &str, limit: usize) -> (usize, usize) {
        for (at, character) in text.char_indices() {
            if at > 0
                && let Some(rank) = self.rank(character)
            {
                self.offer(rank, at, limit);
            }
            self.used += weight::of(character);
            if self.used > limit && at > 0 {
                return self.choose(at, limit);
            }
            self.step(character);
        }
        (text.len(), text.len())
    }

    /// Returns how good a cut before `next` is.
    fn rank(&self, next: char) -> Option<Rank> {
        if next.is_whitespace() || is_closing(next) {
            return None;
        }
        if self.breaks > 1 {
            return Some(Rank::Paragraph);
        }
        // A line of wrapped prose continues with a lower-case letter.
        if self.breaks == 1 && (self.lines || !next.is_lowercase()) {
            return Some(Rank::Line);
        }
        if self.ended && !next.is_lowercase() && (self.previous.is_whitespace() || is_wide_end(self.previous))
        {
            return Some(Rank::Sentence);
        }
        if self.previous.is_whitespace() || matches!(self.previous, '、' | '，' | '；' | '：') {
            return Some(Rank::Word);
        }
        (!is_joined(self.previous, next)).then_some(Rank::Letter)
    }

    fn offer(&mut self, rank: Rank, at: usize, limit: usize) {
        let least = match rank {
            Rank::Letter | Rank::Word => 0,
            Rank::Sentence | Rank::Line => limit / 2,
            Rank::Paragraph => limit / 4,
        };
        if self.used >= least
            && let Some(best) = self.best.get_mut(rank as usize)
        {
            *best = at;
        }
        if rank >= Rank::Sentence {
            self.sentences.push((at, self.used));
        }
    }

    fn step(&mut self, character: char) {
        if character == '\n' {
            self.breaks += 1;
        } else if !character.is_whitespace() {
            self.breaks = 0;
            if matches!(character, '.' | '!' | '?' | '…') || is_wide_end(character) {
                self.ended = true;
            } else if !is_closing(character) {
                self.ended = false;
            }
        }
        self.previous = character;
    }

    /// Chooses among the places, before `at` at the latest.
    fn choose(self, at: usize, limit: usize) -> (usize, usize) {
        let [letter, word, sentence, line, paragraph] = self.best;
        let end = [paragraph, line, sentence, word, letter].into_iter().find(|best| *best > 0).unwrap_or(at);
        if self.lines || end == paragraph || end == line {
            return (end, end);
        }
        // Repeats the last sentences if they are short.
        let kept = limit / 8;
        let whole =
            self.sentences.iter().find(|(start, _)| *start >= end).map_or(self.used, |(_, used)| *used);
        let next = self
            .sentences
            .iter()
            .find(|(start, before)| *start < end && *before >= limit / 4 && before + kept >= whole);
        (end, next.map_or(end, |(start, _)| *start))
    }
}

/// Ends a sentence without a following blank.
fn is_wide_end(character: char) -> bool {
    matches!(character, '。' | '！' | '？' | '．' | '｡')
}

/// Belongs to the text before it.
fn is_closing(character: char) -> bool {
    matches!(
        character,
        '"' | '\''
            | ')'
            | ']'
            | '}'
            | '»'
            | '”'
            | '’'
            | '」'
            | '』'
            | '）'
            | '】'
            | '》'
            | '。'
            | '、'
            | '，'
            | '！'
            | '？'
    )
}

/// Returns whether both characters show as one.
fn is_joined(previous: char, next: char) -> bool {
    let joins = |character| {
        matches!(character, '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{fe00}'..='\u{fe0f}')
            || matches!(character, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}'
            | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}'
            | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}')
    };
    previous == '\u{200d}' || joins(next)
}
