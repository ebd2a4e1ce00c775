//! Examples from people's labels: relevant passages against hard negatives of a first stage.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use r2r_types::candidates::Candidates;
use r2r_types::document::Document;
use r2r_types::example::{DistillationExample, ExamplePassage};
use r2r_types::id::DocId;
use r2r_types::qrels::Qrels;
use r2r_types::sentences::sentences;
use serde::{Deserialize, Serialize};

use crate::seeded::seeded_hash;

/// The name of the teacher of these examples.
pub const HUMAN: &str = "human";

/// How labels become examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HumanOptions {
    /// The most relevant passages of an example; those with the highest grades, then the best of the first stage.
    pub positives: usize,
    /// Negatives of an example, drawn among the candidates. Fewer where there are not so many.
    pub negatives: usize,
    /// Unjudged candidates among the first so many are never negatives: where labels are sparse, what a first stage
    /// puts at the very top is often relevant and only unjudged (Qu et al., `RocketQA`, 2021). Judged ones may be.
    pub skip_top: usize,
    /// Grades above this count as this, so that one collection's scale does not outweigh another's.
    pub max_grade: i32,
    /// Draws the negatives.
    pub seed: u64,
}

impl Default for HumanOptions {
    fn default() -> Self {
        Self { positives: 1, negatives: 4, skip_top: 0, max_grade: 3, seed: 13 }
    }
}

/// What people said about a collection.
#[derive(Clone, Copy, Debug)]
pub struct HumanLabels<'a> {
    /// Which document answers which query, and how well.
    pub qrels: &'a Qrels,
    /// Exact words that answer the query at hand, by document; empty where the collection has none.
    pub answers: &'a BTreeMap<DocId, Vec<String>>,
    /// Relevant documents that the first stage may have missed; only those judged relevant are used.
    pub relevant: &'a [Arc<Document>],
}

/// Makes an example of one query; `None` where no relevant passage or no negative is at hand.
///
/// Targets are grades, negatives have 0. Passages come in the order of the candidates, missed relevant ones last.
/// Which negatives are drawn depends on the seed, the query's and the documents' ids, not on other queries.
pub fn from_qrels(
    candidates: &Candidates,
    labels: HumanLabels<'_>,
    options: HumanOptions,
) -> Option<DistillationExample> {
    let query = &candidates.query;
    let grade = |document: &Document| labels.qrels.grade(&query.id, &document.id);
    let listed: HashSet<&DocId> = candidates.list.iter().map(|candidate| &candidate.document.id).collect();
    let missed = labels.relevant.iter().filter(|document| !listed.contains(&document.id));
    let mut known = HashSet::new();
    let mut pool: Vec<&Arc<Document>> =
        candidates.list.iter().map(|candidate| &candidate.document).chain(missed).collect();
    pool.retain(|document| !document.text.trim().is_empty() && known.insert(&document.id));

    let mut positives: Vec<usize> =
        (0..pool.len()).filter(|&place| grade(pool[place]).is_some_and(|grade| grade > 0)).collect();
    positives.sort_by_key(|&place| std::cmp::Reverse(grade(pool[place])));
    positives.truncate(options.positives);
    let positive_texts: HashSet<&str> = positives.iter().map(|&place| pool[place].text.trim()).collect();

    let is_negative = |place: usize| match grade(pool[place]) {
        // A copy of a relevant passage is relevant, whatever its label.
        _ if positive_texts.contains(pool[place].text.trim()) => false,
        Some(grade) => grade <= 0,
        None => place >= options.skip_top,
    };
    let mut negatives: Vec<usize> =
        (0..candidates.list.len().min(pool.len())).filter(|&place| is_negative(place)).collect();
    negatives.sort_by_key(|&place| seeded_hash(options.seed, &format!("{}\u{0}{}", query.id, pool[place].id)));
    negatives.truncate(options.negatives);
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let mut chosen = [positives, negatives].concat();
    chosen.sort_unstable();
    let passages = chosen.into_iter().map(|place| {
        let document = pool[place];
        let grade = grade(document).unwrap_or(0).clamp(0, options.max_grade);
        let answers = labels.answers.get(&document.id).filter(|_| grade > 0);
        ExamplePassage {
            doc: document.id.clone(),
            title: document.title.clone(),
            text: document.text.clone(),
            target: grade as f32,
            evidence: answers.and_then(|answers| answer_sentence(answers, &document.text)),
            direct: None,
            comparison: None,
        }
    });
    let passages = passages.collect();
    Some(DistillationExample { query: (**query).clone(), teacher: HUMAN.to_owned(), passages })
}

/// The bytes of the first sentence that holds one of the answers whole; answers are tried in the order given.
pub fn answer_sentence(answers: &[String], text: &str) -> Option<(usize, usize)> {
    let sentences = sentences(text);
    answers.iter().map(|answer| answer.trim()).filter(|answer| !answer.is_empty()).find_map(|answer| {
        sentences.iter().find(|range| text[(*range).clone()].contains(answer)).map(|range| (range.start, range.end))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use r2r_types::candidates::Candidate;
    use r2r_types::document::Query;

    use super::*;

    fn candidates(n: usize) -> Candidates {
        let document = |i: usize| Document {
            id: format!("d{i}").into(),
            title: String::new(),
            text: format!("This is passage {i}. Its answer is {}.", i * 7),
        };
        Candidates {
            query: Arc::new(Query { id: "q".into(), text: "which?".into() }),
            list: (0..n).map(|i| Candidate { document: Arc::new(document(i)), score: -(i as f32) }).collect(),
        }
    }

    fn qrels(grades: &[(usize, i32)]) -> Qrels {
        let mut qrels = Qrels::default();
        for &(i, grade) in grades {
            qrels.insert("q".into(), format!("d{i}").as_str().into(), grade);
        }
        qrels
    }

    #[test]
    fn a_positive_carries_its_grade_and_its_evidence() {
        let answers = BTreeMap::from([(DocId::from("d3"), vec!["no".to_owned(), "21".to_owned()])]);
        let qrels = qrels(&[(3, 9), (1, 0)]);
        let labels = HumanLabels { qrels: &qrels, answers: &answers, relevant: &[] };
        let options = HumanOptions { negatives: 2, skip_top: 2, ..HumanOptions::default() };
        let example = from_qrels(&candidates(5), labels, options).unwrap();
        let positive = example.passages.iter().find(|passage| passage.target > 0.0).unwrap();
        assert_eq!((positive.doc.as_str(), positive.target), ("d3", 3.0));
        let (start, end) = positive.evidence.unwrap();
        assert_eq!(&positive.text[start..end], "Its answer is 21.");
        assert_eq!(example.passages.len(), 3);
    }

    #[test]
    fn a_relevant_passage_that_the_first_stage_missed_is_used() {
        let all = candidates(4);
        let relevant = [all.list[3].document.clone()];
        let found = Candidates { query: all.query.clone(), list: all.list[..3].to_vec() };
        let qrels = qrels(&[(3, 1)]);
        let labels = HumanLabels { qrels: &qrels, answers: &BTreeMap::new(), relevant: &relevant };
        let example = from_qrels(&found, labels, HumanOptions::default()).unwrap();
        assert_eq!(example.passages.last().map(|passage| passage.doc.as_str()), Some("d3"));
        let labels = HumanLabels { relevant: &[], ..labels };
        assert!(from_qrels(&found, labels, HumanOptions::default()).is_none());
    }

    proptest! {
        #[test]
        fn positives_have_grades_negatives_have_none(
            n in 0usize..12,
            grades in prop::collection::btree_map(0usize..12, -1i32..4, 0..6),
            skip_top in 0usize..4, negatives in 0usize..5, seed: u64,
        ) {
            let qrels = qrels(&grades.iter().map(|(&i, &grade)| (i, grade)).collect::<Vec<_>>());
            let labels = HumanLabels { qrels: &qrels, answers: &BTreeMap::new(), relevant: &[] };
            let options = HumanOptions { negatives, skip_top, seed, ..HumanOptions::default() };
            let example = from_qrels(&candidates(n), labels, options);
            prop_assert_eq!(&example, &from_qrels(&candidates(n), labels, options));
            for passage in example.iter().flat_map(|example| &example.passages) {
                let place: usize = passage.doc.as_str()[1..].parse().unwrap();
                let grade = grades.get(&place).copied();
                prop_assert!(passage.target.total_cmp(&(grade.unwrap_or(0).max(0) as f32)).is_eq());
                prop_assert!(grade.is_some() || place >= skip_top);
            }
        }
    }
}
