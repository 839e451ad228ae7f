//! Reading order: segments become blocks, and blocks follow each other.

use super::direction::is_right_to_left;
use super::line::Segment;
use super::mend;

/// More segments or blocks than this are read from top to bottom. Real pages have fewer.
const MAX_SEGMENTS: usize = 4_000;
const MAX_BLOCKS: usize = 200;
/// Distance of two baselines, in sizes, from which on two lines are in different blocks.
const MAX_PITCH: f64 = 2.2;
/// Baselines that differ by less than this many sizes are one row.
const SAME_ROW: f64 = 0.25;
/// The largest ratio of two sizes within a block.
const SIZE_RATIO: f64 = 1.4;
/// The widest block, in sizes, that is a column of bullets or numbers beside a text.
const NARROW: f64 = 6.0;
/// The widest gap between a bullet and its text, in sizes.
const BULLET_GAP: f64 = 3.0;

/// Lines that belong together.
#[derive(Debug)]
pub(crate) struct Block {
    pub lines: Vec<Segment>,
    /// Whether the lines are the rows of a table.
    pub is_table: bool,
    x0: f64,
    x1: f64,
    top: f64,
    bottom: f64,
}

impl Block {
    fn new(lines: Vec<Segment>, is_table: bool) -> Self {
        let mut block = Self {
            lines,
            is_table,
            x0: f64::INFINITY,
            x1: f64::NEG_INFINITY,
            top: f64::NEG_INFINITY,
            bottom: f64::INFINITY,
        };
        for line in &block.lines {
            block.x0 = block.x0.min(line.x0);
            block.x1 = block.x1.max(line.x1);
            block.top = block.top.max(line.y + 0.7 * line.size);
            block.bottom = block.bottom.min(line.y - 0.2 * line.size);
        }
        block
    }

    fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    fn size(&self) -> f64 {
        self.lines.iter().map(|line| line.size).fold(0.0, f64::max)
    }

    /// Returns whether sentences run on from line to line.
    fn is_prose(&self) -> bool {
        let lines = self.lines.len();
        if lines < 2 {
            return false;
        }
        let words: usize = self.lines.iter().map(|line| words(&line.text)).sum();
        let letters: usize = self.lines.iter().map(|line| line.text.chars().count()).sum();
        let continued = self.lines.iter().skip(1).filter(|line| continues(&line.text)).count();
        words * 2 >= lines * 5 && (continued * 4 >= lines - 1 || letters >= lines * 30)
    }

    fn overlaps_across(&self, other: &Self) -> bool {
        let shared = self.x1.min(other.x1) - self.x0.max(other.x0);
        shared > 0.1 * self.width().min(other.width()) && shared > 0.0
    }

    fn overlaps_down(&self, other: &Self) -> bool {
        self.top.min(other.top) > self.bottom.max(other.bottom)
    }

    fn middle(&self) -> f64 {
        (self.top + self.bottom) / 2.0
    }
}

/// Returns the number of words. A character of a script without spaces counts as half a word.
pub(crate) fn words(text: &str) -> usize {
    text.split_whitespace().count() + text.chars().filter(|letter| mend::is_unspaced(*letter)).count() / 2
}

/// Returns whether a line continues a sentence.
pub(crate) fn continues(text: &str) -> bool {
    text.chars().next().is_some_and(|letter| letter.is_alphabetic() && !letter.is_uppercase())
}

/// Returns the blocks of a page in reading order.
pub(crate) fn blocks(mut segments: Vec<Segment>) -> Vec<Block> {
    segments.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.x0.total_cmp(&b.x0)));
    if segments.len() > MAX_SEGMENTS {
        return vec![table(segments)];
    }
    let all: String = segments.iter().map(|segment| segment.text.as_str()).collect();
    let right_to_left = is_right_to_left(&all);
    sort(merge_rows(chains(segments)), right_to_left)
}

/// Joins lines that are directly below each other, unless a line has two neighbours.
fn chains(segments: Vec<Segment>) -> Vec<Block> {
    let below: Vec<Vec<usize>> = neighbours(&segments, segments.len(), |at| at + 1..segments.len());
    let above: Vec<Vec<usize>> = {
        let flipped = |at: usize| (0..at).rev();
        neighbours(&segments, segments.len(), flipped)
    };
    // How many lines have this line as a neighbour.
    let mut claims_from_above = vec![0_usize; segments.len()];
    let mut claims_from_below = vec![0_usize; segments.len()];
    for lower in below.iter().flatten() {
        if let Some(claims) = claims_from_above.get_mut(*lower) {
            *claims += 1;
        }
    }
    for upper in above.iter().flatten() {
        if let Some(claims) = claims_from_below.get_mut(*upper) {
            *claims += 1;
        }
    }
    let mut chain_of: Vec<Option<usize>> = vec![None; segments.len()];
    let mut chains: Vec<Vec<Segment>> = vec![];
    for (at, segment) in segments.iter().enumerate() {
        let upper = match above.get(at).map(Vec::as_slice) {
            Some([upper])
                if below.get(*upper).is_some_and(|below| below.as_slice() == [at])
                    && claims_from_above.get(at) == Some(&1)
                    && claims_from_below.get(*upper) == Some(&1) =>
            {
                chain_of.get(*upper).copied().flatten()
            }
            _ => None,
        };
        let chain = upper.unwrap_or(chains.len());
        if let Some(place) = chain_of.get_mut(at) {
            *place = Some(chain);
        }
        match chains.get_mut(chain) {
            Some(chain) => chain.push(segment.clone()),
            None => chains.push(vec![segment.clone()]),
        }
    }
    chains.into_iter().map(|lines| Block::new(lines, false)).collect()
}

/// Returns, for each segment, the nearest segments in one direction that are near and overlap.
/// `candidates` gives the numbers of the segments in that direction, nearest first.
fn neighbours<I: Iterator<Item = usize>>(
    segments: &[Segment],
    count: usize,
    candidates: impl Fn(usize) -> I,
) -> Vec<Vec<usize>> {
    let mut found = vec![];
    for at in 0..count {
        let mut near: Vec<usize> = vec![];
        let mut first: Option<f64> = None;
        let Some(segment) = segments.get(at) else { continue };
        for other_at in candidates(at) {
            let Some(other) = segments.get(other_at) else { break };
            let size = segment.size.max(other.size);
            let distance = (segment.y - other.y).abs();
            if distance > MAX_PITCH * size.max(segment.size * SIZE_RATIO)
                || first.is_some_and(|first| distance > first + 0.6 * segment.size)
            {
                break;
            }
            let shared = segment.x1.min(other.x1) - segment.x0.max(other.x0);
            if distance < SAME_ROW * size || shared < 0.3 * segment.size.min(other.size) {
                continue;
            }
            first = first.or(Some(distance));
            let ratio = segment.size / other.size;
            if distance <= MAX_PITCH * size && ratio < SIZE_RATIO && ratio > 1.0 / SIZE_RATIO {
                near.push(other_at);
            } else {
                // A heading ends the block, and no block goes around it.
                near.extend([other_at, other_at]);
            }
        }
        found.push(near);
    }
    found
}

/// Joins blocks side by side whose lines are the rows of a table.
fn merge_rows(blocks: Vec<Block>) -> Vec<Block> {
    let count = blocks.len();
    if count > MAX_BLOCKS * 5 {
        return vec![table(blocks.into_iter().flat_map(|block| block.lines).collect())];
    }
    let prose: Vec<bool> = blocks.iter().map(Block::is_prose).collect();
    let mut group: Vec<usize> = (0..count).collect();
    for (left, a) in blocks.iter().enumerate() {
        for (right, b) in blocks.iter().enumerate().skip(left + 1) {
            let both = prose.get(left) == Some(&true) && prose.get(right) == Some(&true);
            if both || !a.overlaps_down(b) || a.overlaps_across(b) {
                continue;
            }
            let fewer = a.lines.len().min(b.lines.len());
            let shared = shared_rows(a, b);
            let fits = shared * 5 >= fewer * 3 && shared > 0;
            // Bullets, numbers and amounts beside a text, but not a heading of another column.
            let is_column_of = |narrow: &Block, text: &Block| {
                let gap = (text.x0 - narrow.x1).max(narrow.x0 - text.x1);
                narrow.width() <= NARROW * narrow.size()
                    && (narrow.lines.len() > 2 || gap <= BULLET_GAP * text.size())
            };
            let beside_prose = match (prose.get(left), prose.get(right)) {
                (Some(true), _) => is_column_of(b, a),
                (_, Some(true)) => is_column_of(a, b),
                _ => true,
            };
            if fits && beside_prose {
                let (from, to) = (group.get(right).copied(), group.get(left).copied());
                if let (Some(from), Some(to)) = (from, to) {
                    group.iter_mut().filter(|member| **member == from).for_each(|member| *member = to);
                }
            }
        }
    }
    let mut merged: Vec<Vec<Block>> = (0..count).map(|_| vec![]).collect();
    for (block, group) in blocks.into_iter().zip(group) {
        if let Some(members) = merged.get_mut(group) {
            members.push(block);
        }
    }
    let join = |mut members: Vec<Block>| match members.len() {
        0 => None,
        1 => members.pop(),
        _ => Some(table(members.into_iter().flat_map(|block| block.lines).collect())),
    };
    merged.into_iter().filter_map(join).collect()
}

fn shared_rows(a: &Block, b: &Block) -> usize {
    let has = |line: &Segment| {
        b.lines.iter().any(|other| (line.y - other.y).abs() < SAME_ROW * line.size.min(other.size))
    };
    a.lines.iter().filter(|line| has(line)).count()
}

/// Returns a block with one line for each row.
fn table(mut cells: Vec<Segment>) -> Block {
    cells.sort_by(|a, b| b.y.total_cmp(&a.y));
    let mut rows: Vec<Vec<Segment>> = vec![];
    for cell in cells {
        match rows.last_mut() {
            Some(row)
                if row
                    .first()
                    .is_some_and(|first| (first.y - cell.y).abs() < SAME_ROW * first.size.max(cell.size)) =>
            {
                row.push(cell);
            }
            _ => rows.push(vec![cell]),
        }
    }
    let join = |mut row: Vec<Segment>| {
        row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        let right_to_left = row.iter().filter(|cell| is_right_to_left(&cell.text)).count();
        if right_to_left * 2 > row.len() {
            row.reverse();
        }
        let texts: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
        let first = row.first()?;
        Some(Segment {
            text: texts.join(" "),
            x0: row.iter().map(|cell| cell.x0).fold(f64::INFINITY, f64::min),
            x1: row.iter().map(|cell| cell.x1).fold(f64::NEG_INFINITY, f64::max),
            y: first.y,
            size: first.size,
            cells: row.len(),
        })
    };
    Block::new(rows.into_iter().filter_map(join).collect(), true)
}

/// Sorts blocks topologically: a block comes after those above it, and after those in the
/// columns before it.
fn sort(mut blocks: Vec<Block>, right_to_left: bool) -> Vec<Block> {
    blocks.sort_by(|a, b| b.top.total_cmp(&a.top).then(a.x0.total_cmp(&b.x0)));
    if blocks.len() > MAX_BLOCKS {
        return blocks;
    }
    let before = |a: &Block, b: &Block| {
        if a.overlaps_across(b) {
            return a.middle() > b.middle();
        }
        let is_beside = if right_to_left { a.x0 >= b.x0 } else { a.x0 <= b.x0 };
        is_beside && is_column_before(a, b, &blocks)
    };
    let mut waiting: Vec<Vec<usize>> = vec![];
    for b in &blocks {
        let earlier = blocks.iter().enumerate().filter(|(_, a)| !std::ptr::eq(*a, b) && before(a, b));
        waiting.push(earlier.map(|(at, _)| at).collect());
    }
    let mut placed = vec![false; blocks.len()];
    let mut order = vec![];
    while order.len() < blocks.len() {
        let is_ready = |at: usize| {
            let unplaced = |at: &usize| placed.get(*at) == Some(&false);
            placed.get(at) == Some(&false)
                && !waiting.get(at).is_some_and(|earlier| earlier.iter().any(unplaced))
        };
        // Continues below the last block; without a ready block, breaks the circle at the top.
        let last: Option<&Block> = order.last().and_then(|at: &usize| blocks.get(*at));
        let below = |at: &usize| {
            last.zip(blocks.get(*at))
                .is_some_and(|(last, block)| block.overlaps_across(last) && block.middle() < last.middle())
        };
        let ready: Vec<usize> = (0..blocks.len()).filter(|at| is_ready(*at)).collect();
        let next = ready
            .iter()
            .copied()
            .find(below)
            .or_else(|| ready.first().copied())
            .or_else(|| placed.iter().position(|placed| !placed));
        let Some(next) = next else { break };
        if let Some(placed) = placed.get_mut(next) {
            *placed = true;
        }
        order.push(next);
    }
    let mut slots: Vec<Option<Block>> = blocks.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take)).collect()
}

/// Returns whether `a` is in a column that is read before the column of `b`.
fn is_column_before(a: &Block, b: &Block, blocks: &[Block]) -> bool {
    let spans = |c: &&Block| {
        let between = (c.middle() < a.middle() && c.middle() > b.middle())
            || (c.middle() > a.middle() && c.middle() < b.middle());
        between && c.overlaps_across(a) && c.overlaps_across(b)
    };
    if blocks.iter().any(|c| spans(&c)) {
        return false;
    }
    let beside =
        |d: &&Block| d.overlaps_across(a) && !d.overlaps_across(b) && d.overlaps_down(b) && d.is_prose();
    a.overlaps_down(b) || blocks.iter().any(|d| beside(&d))
}
