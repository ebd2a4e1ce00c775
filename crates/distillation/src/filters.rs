//! Judgments and passages that teach nothing, or teach it twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use r2r_types::document::Document;
use r2r_types::id::DocId;
use r2r_types::judgment::TeacherJudgment;
use serde::Serialize;

use crate::query_text::normalized;

/// Why a judgment is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filtered {
    /// Its order and grades contradict each other, or no answer of the teacher could be used.
    Inconsistent,
    /// The query holds no word.
    EmptyQuery,
    /// An id stands twice among the passages.
    DuplicateIds,
    /// The ranking is not a permutation of the passages.
    NotAPermutation,
    /// A reason is about a passage that is not in the list.
    UnknownPassage,
    /// The same teacher ordered the same passages for the same query before.
    Duplicate,
    /// Fewer than two different passages: there is no order to learn.
    TooFewPassages,
}

/// How many judgments were left out, and how many passages of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FilterCounts {
    /// Judgments that were left out.
    pub judgments: BTreeMap<Filtered, usize>,
    /// Passages whose text equals that of a passage which the teacher ranked higher: the order of two copies is noise.
    pub identical_passages: usize,
    /// Passages without any text.
    pub empty_passages: usize,
}

/// A judgment that passed, with the passages that are kept.
#[derive(Clone, Debug)]
pub(crate) struct Accepted<'a> {
    pub(crate) judgment: &'a TeacherJudgment,
    /// Places of the kept passages as shown, best first.
    pub(crate) best_first: Vec<usize>,
    /// For each place as shown, the rank of the passage, or of the copy of it that is kept; 0 is best.
    /// `None` for a passage without text.
    pub(crate) ranks: Vec<Option<usize>>,
}

/// The judgments of one run that have passed so far: finds duplicates.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Whether judgments pass that are known to be inconsistent.
    keep_inconsistent: bool,
    seen: HashSet<(String, String, Vec<String>)>,
}

impl Filter {
    pub(crate) fn new(keep_inconsistent: bool) -> Self {
        Self { keep_inconsistent, ..Self::default() }
    }

    /// Checks one judgment and counts what is wrong with it.
    pub(crate) fn accept<'a>(
        &mut self,
        judgment: &'a TeacherJudgment,
        counts: &mut FilterCounts,
    ) -> Result<Accepted<'a>, Filtered> {
        if judgment.is_consistent == Some(false) && !self.keep_inconsistent {
            return Err(Filtered::Inconsistent);
        }
        let query = normalized(&judgment.query.text);
        if query.is_empty() {
            return Err(Filtered::EmptyQuery);
        }
        let place_of: HashMap<&DocId, usize> =
            judgment.passages.iter().enumerate().map(|(place, passage)| (&passage.id, place)).collect();
        if place_of.len() != judgment.passages.len() {
            return Err(Filtered::DuplicateIds);
        }
        let ranking: Option<Vec<usize>> = judgment.ranking.iter().map(|doc| place_of.get(doc).copied()).collect();
        let ranking = ranking.ok_or(Filtered::NotAPermutation)?;
        if ranking.len() != place_of.len() || ranking.iter().collect::<HashSet<_>>().len() != ranking.len() {
            return Err(Filtered::NotAPermutation);
        }
        if judgment.judged.iter().any(|judged| !place_of.contains_key(&judged.doc)) {
            return Err(Filtered::UnknownPassage);
        }
        let mut texts: Vec<String> = judgment.passages.iter().map(comparable).collect();
        texts.sort_unstable();
        if !self.seen.insert((judgment.teacher.clone(), query, texts)) {
            return Err(Filtered::Duplicate);
        }
        let accepted = without_copies(judgment, &ranking, counts);
        if accepted.best_first.len() < 2 { Err(Filtered::TooFewPassages) } else { Ok(accepted) }
    }
}

/// Keeps of passages with the same text the one that the teacher ranked highest.
fn without_copies<'a>(judgment: &'a TeacherJudgment, ranking: &[usize], counts: &mut FilterCounts) -> Accepted<'a> {
    let mut rank_of_text: HashMap<String, usize> = HashMap::new();
    let mut best_first = Vec::with_capacity(ranking.len());
    let mut ranks = vec![None; ranking.len()];
    for &place in ranking {
        let text = comparable(&judgment.passages[place]);
        if text.is_empty() {
            counts.empty_passages += 1;
            continue;
        }
        let rank = *rank_of_text.entry(text).or_insert_with(|| {
            best_first.push(place);
            best_first.len() - 1
        });
        ranks[place] = Some(rank);
    }
    let n_empty = ranks.iter().filter(|rank| rank.is_none()).count();
    counts.identical_passages += ranking.len() - best_first.len() - n_empty;
    Accepted { judgment, best_first, ranks }
}

/// Title and text without regard to white space.
fn comparable(passage: &Document) -> String {
    passage.title_and_text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use r2r_types::document::Query;
    use r2r_types::judgment::JudgedPassage;

    use super::*;

    fn judgment(passages: &[(&str, &str)], ranking: &[&str]) -> TeacherJudgment {
        let passage = |&(id, text): &(&str, &str)| Document { id: id.into(), title: String::new(), text: text.into() };
        TeacherJudgment {
            query: Query { id: "q".into(), text: "what is basalt".into() },
            teacher: "t".into(),
            passages: passages.iter().map(passage).collect(),
            ranking: ranking.iter().map(|&id| id.into()).collect(),
            judged: Vec::new(),
            is_consistent: None,
        }
    }

    #[test]
    fn what_contradicts_itself_teaches_only_who_asks_for_it() {
        let mut judgment = judgment(&[("a", "one"), ("b", "two")], &["a", "b"]);
        judgment.is_consistent = Some(false);
        let accept = |keep_inconsistent| {
            Filter::new(keep_inconsistent).accept(&judgment, &mut FilterCounts::default()).map(|_| ())
        };
        assert_eq!((accept(false), accept(true)), (Err(Filtered::Inconsistent), Ok(())));
    }

    #[test]
    fn what_is_wrong_has_its_own_kind() {
        let check = |judgment: TeacherJudgment, expected| {
            let found = Filter::default().accept(&judgment, &mut FilterCounts::default()).map(|_| ());
            assert_eq!(found, Err(expected));
        };
        let (a, b) = (("a", "one"), ("b", "two"));
        let mut empty = judgment(&[a, b], &["a", "b"]);
        empty.query.text = " ?".into();
        check(empty, Filtered::EmptyQuery);
        check(judgment(&[a, a], &["a", "a"]), Filtered::DuplicateIds);
        check(judgment(&[a, b], &["a"]), Filtered::NotAPermutation);
        check(judgment(&[a, b], &["a", "a"]), Filtered::NotAPermutation);
        check(judgment(&[a, b], &["a", "c"]), Filtered::NotAPermutation);
        check(judgment(&[a, ("b", "one ")], &["a", "b"]), Filtered::TooFewPassages);
        let mut unknown = judgment(&[a, b], &["a", "b"]);
        unknown.judged.push(JudgedPassage {
            doc: "c".into(),
            grade: None,
            direct: None,
            comparison: None,
            answer_sentence: None,
        });
        check(unknown, Filtered::UnknownPassage);
    }

    #[test]
    fn the_same_list_of_one_teacher_counts_once() {
        let mut filter = Filter::default();
        let first = judgment(&[("a", "one"), ("b", "two")], &["a", "b"]);
        let again = judgment(&[("x", "two"), ("y", " one")], &["x", "y"]);
        let other = TeacherJudgment { teacher: "u".into(), ..again.clone() };
        let mut counts = FilterCounts::default();
        assert!(filter.accept(&first, &mut counts).is_ok());
        assert_eq!(filter.accept(&again, &mut counts).map(|_| ()), Err(Filtered::Duplicate));
        assert!(filter.accept(&other, &mut counts).is_ok());
    }

    #[test]
    fn of_two_copies_the_higher_one_stays() {
        let judgment = judgment(&[("a", "one"), ("b", ""), ("c", "two"), ("d", "one")], &["d", "c", "b", "a"]);
        let mut counts = FilterCounts::default();
        let accepted = Filter::default().accept(&judgment, &mut counts).unwrap();
        assert_eq!(accepted.best_first, [3, 2]);
        assert_eq!(accepted.ranks, [Some(0), None, Some(1), Some(0)]);
        assert_eq!((counts.identical_passages, counts.empty_passages), (1, 1));
    }
}
