//! What holds for the ranges of the passages of every document. The fuzz target `documents` uses it, too.

use bulkhead_documents::Passage;

/// Length from which a word may be data, which passages leave out.
const LONG_WORD: usize = 60;

/// Asserts that the ranges begin in ascending order, cover the whole text and hold the passages' own text. `text` is the text of the document.
pub fn assert_ranges(text: &str, passages: &[Passage]) {
    let text: Vec<char> = text.chars().collect();
    let may_have_data = text.split(|c| c.is_whitespace()).any(|word| word.len() >= LONG_WORD);
    let (mut last, mut covered) = (None, 0);
    for passage in passages {
        let range = passage.range.clone().expect("a range");
        let (start, end) = (range.start as usize, range.end as usize);
        assert!(start < end && end <= text.len(), "{range:?} of {}", text.len());
        assert!(last < Some(start), "{range:?} after {last:?}");
        if !may_have_data {
            assert_blank(text.get(covered..start));
            let own = text.get(start..end).unwrap_or_default();
            let own = without_blanks(own.iter().copied());
            assert!(is_own(&own, passage), "{range:?} is {own:?} of {passage:?}");
        }
        (last, covered) = (Some(start), covered.max(end));
    }
    if !may_have_data {
        assert_blank(text.get(covered..));
    }
}

/// Asserts that characters between two passages are blank. Passages that overlap have none.
fn assert_blank(between: Option<&[char]>) {
    let between: String = between.unwrap_or_default().iter().collect();
    assert!(between.trim().is_empty(), "{between:?} belongs to no passage");
}

/// Returns whether `own` are the characters of a passage, but those that it repeats. Headings before the passage may be
/// only in its first line, which has not room for all of them.
fn is_own(own: &str, passage: &Passage) -> bool {
    let shown = without_blanks(passage.text.chars());
    let headings = &passage.headings;
    (0..=headings.len()).any(|outer| {
        let first: String =
            headings.iter().skip(outer).map(|heading| without_blanks(heading.chars())).collect();
        own.strip_prefix(&first).is_some_and(|rest| is_within(rest, &shown))
    })
}

/// Returns whether `text` has the characters of `part` in their order.
fn is_within(part: &str, text: &str) -> bool {
    let mut text = text.chars();
    part.chars().all(|character| text.any(|other| other == character))
}

fn without_blanks(text: impl Iterator<Item = char>) -> String {
    text.filter(|character| !character.is_whitespace()).collect()
}
