//! Orders the passages of a search: by similarity, and by the words that they share with the question.
//!
//! An embedding finds passages of the same meaning, but may rank a passage low that has the question's rare word: a
//! name, a number, an article code. The texts are sealed, so no index of words exists. The words are counted in the
//! nearest passages, after they are opened.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_stores::Match;
use unicode_segmentation::UnicodeSegmentation;

/// Weight of ranks in the fused order. Source: Cormack, Clarke, Büttcher: Reciprocal Rank Fusion, SIGIR 2009.
const FUSION: f64 = 60.0;
/// How fast repeated words stop to count. Source of this and the next: Robertson, Zaragoza: The Probabilistic
/// Relevance Framework: BM25 and Beyond, 2009.
const SATURATION: f64 = 1.2;
/// How much a long passage loses.
const LENGTH: f64 = 0.75;

/// Returns `found`, which is in order of similarity, best first.
pub(crate) fn ranked(question: &str, found: Vec<Match>) -> Vec<Match> {
    let by_words = ranks(&scores(question, &found));
    let mut fused: Vec<_> = found
        .into_iter()
        .enumerate()
        .map(|(rank, passage)| {
            let similar = 1.0 / (FUSION + rank as f64);
            let worded =
                by_words.get(rank).copied().flatten().map_or(0.0, |rank| 1.0 / (FUSION + rank as f64));
            (similar + worded, passage)
        })
        .collect();
    // Stable: passages with equal scores stay in order of similarity.
    fused.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    fused.into_iter().map(|(_, passage)| passage).collect()
}

/// Returns each passage's BM25 score for the question. A word is rare or common within `found`.
fn scores(question: &str, found: &[Match]) -> Vec<f64> {
    // Ordered, so that the sums below are the same for the same question: floats are rounded at each addition.
    let asked: BTreeSet<String> = words(question).collect();
    let counts: Vec<(BTreeMap<String, f64>, f64)> = found
        .iter()
        .map(|passage| {
            let (mut counts, mut length) = (BTreeMap::new(), 0.0);
            for word in words(&passage.title).chain(words(&passage.text)) {
                length += 1.0;
                if asked.contains(&word) {
                    *counts.entry(word).or_default() += 1.0;
                }
            }
            (counts, length)
        })
        .collect();
    let total = counts.len() as f64;
    let mean = counts.iter().map(|(_, length)| length).sum::<f64>() / total.max(1.0);
    let rarity: BTreeMap<&String, f64> = asked
        .iter()
        .map(|word| {
            let with = counts.iter().filter(|(counts, _)| counts.contains_key(word)).count() as f64;
            (word, (1.0 + (total - with + 0.5) / (with + 0.5)).ln())
        })
        .collect();
    let score = |(counts, length): &(BTreeMap<String, f64>, f64)| {
        counts
            .iter()
            .map(|(word, count)| {
                let damped = count + SATURATION * (1.0 - LENGTH + LENGTH * length / mean.max(1.0));
                rarity.get(word).copied().unwrap_or_default() * count * (SATURATION + 1.0) / damped
            })
            .sum()
    };
    counts.iter().map(score).collect()
}

/// Returns each score's rank from 0; `None` if the score is 0. Equal scores have the same rank.
fn ranks(scores: &[f64]) -> Vec<Option<usize>> {
    let rank = |score: &f64| scores.iter().filter(|other| *other > score).count();
    scores.iter().map(|score| (*score > 0.0).then(|| rank(score))).collect()
}

/// Returns the words of a text in lower case. A word of Chinese or Japanese is one character.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.unicode_words().map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use bulkhead_tenancy::names::{DocumentId, Revision};

    use super::*;

    fn found(texts: &[&str]) -> Vec<Match> {
        let passage = |(number, text): (usize, &&str)| Match {
            document: DocumentId::parse(&"0".repeat(32)).expect("id"),
            revision: Revision::FIRST,
            number: number as u32,
            title: "Handbook".into(),
            text: (*text).into(),
            headings: vec![],
            page: None,
            range: None,
            before: vec![],
            after: vec![],
            score: 1.0 - number as f32 / 100.0,
        };
        texts.iter().enumerate().map(passage).collect()
    }

    fn order(question: &str, texts: &[&str]) -> Vec<u32> {
        ranked(question, found(texts)).iter().map(|passage| passage.number).collect()
    }

    #[test]
    fn rare_word_of_the_question_lifts_its_passage() {
        let texts =
            ["Parts are on the shelf.", "Bolts are in a box.", "Part QX-4471 is on the shelf.", "Tea."];
        assert_eq!(order("Where is QX-4471?", &texts)[..2], [2, 0]);
    }

    #[test]
    fn without_shared_words_the_order_is_by_similarity() {
        assert_eq!(order("Zebra?", &["One.", "Two.", "Three."]), [0, 1, 2]);
        assert_eq!(order("?!", &["One.", "Two."]), [0, 1]);
        assert!(order("One?", &[]).is_empty());
    }

    #[test]
    fn word_in_every_passage_counts_little() {
        let texts = ["The dock, the dock, the dock.", "The dock is shut.", "The dock opens on Sunday."];
        let scores = scores("When does the dock open on Sunday?", &found(&texts));
        assert!(scores[2] > 2.0 * scores[0] && scores[0] > 0.0, "{scores:?}");
        assert_eq!(ranks(&scores)[2], Some(0));
    }

    /// A random order of the words would give sums that differ in the last digit, and so other ranks.
    #[test]
    fn same_question_has_the_same_scores() {
        let texts: Vec<String> = (0..40)
            .map(|n| format!("The boat {n} of gate {} leaves at {n} from the upper deck.", n % 7))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let question = "From which gate does the boat of the upper deck leave at the end of the day?";
        let first = scores(question, &found(&texts));
        assert!((0..50).all(|_| scores(question, &found(&texts)) == first));
    }

    #[test]
    fn words_of_other_scripts_count() {
        assert_eq!(order("Когда открыт причал?", &["Чай.", "Причал открыт."]), [1, 0]);
        assert_eq!(order("码头几点开门", &["茶", "码头九点开门"]), [1, 0]);
    }
}
