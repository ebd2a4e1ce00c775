//! The words that reasons are built around, counted in the training's reasons.

use std::collections::{BTreeMap, HashMap};

use r2r_model::reasons::{OTHER_WORD, ReasonVocabulary, split_reason};
use r2r_types::example::DistillationExample;

/// Queries whose reasons must hold a word: what only few hold is content, and content is copied.
const LEAST_QUERIES: usize = 5;
/// Most frame words.
const MOST_WORDS: usize = 2000;

/// The vocabulary of the reasons of some examples: lower-case words that stand in the reasons of at least 5 different
/// queries, most frequent first, the alphabet breaking ties; at most 2,000.
///
/// `None` where no example has a reason.
pub fn reason_vocabulary(examples: &[DistillationExample]) -> Option<ReasonVocabulary> {
    // For each word: how often it occurs, in how many queries, and the last query that was counted.
    let mut counts: HashMap<String, (u64, usize, &str)> = HashMap::new();
    let mut by_query: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for example in examples {
        let texts = by_query.entry(&example.query.text).or_default();
        for passage in &example.passages {
            texts.extend(passage.direct.as_deref());
            texts.extend(passage.comparison.as_ref().map(|comparison| comparison.text.as_str()));
        }
    }
    by_query.retain(|_, texts| !texts.is_empty());
    if by_query.is_empty() {
        return None;
    }
    for (query, texts) in &by_query {
        for word in texts.iter().flat_map(|text| split_reason(text)).filter(|word| word != OTHER_WORD) {
            let (occurrences, queries, last) = counts.entry(word).or_insert((0, 0, ""));
            *occurrences += 1;
            if *queries == 0 || last != query {
                *queries += 1;
                *last = query;
            }
        }
    }
    // Few queries, as in a first try, cannot ask a word to stand in five of them.
    let least = LEAST_QUERIES.min(by_query.len());
    let mut words: Vec<(String, u64)> = counts
        .into_iter()
        .filter(|(_, (_, queries, _))| *queries >= least)
        .map(|(word, (occurrences, _, _))| (word, occurrences))
        .collect();
    words.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    words.truncate(MOST_WORDS);
    let words = words.into_iter().map(|(word, _)| word);
    Some(ReasonVocabulary::new(words).expect("split words are lower-case, not empty and counted once"))
}
