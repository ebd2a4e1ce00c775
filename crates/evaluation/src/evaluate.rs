//! A run against relevance judgments: values for each query, means, and the counts behind them.

use std::collections::{BTreeMap, BTreeSet};

use r2r_types::{DocId, Qrels, QueryId, Run};
use serde::{Deserialize, Serialize};

use crate::measures::Measure;
use crate::order::TrecEval;
use crate::topic::Topic;

/// The rules of an evaluation. The default is `trec_eval -c` of version 9.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvaluationOptions {
    /// Whose order of documents.
    pub trec_eval: TrecEval,
    /// What a judged topic is worth that the run lacks.
    pub missing_topics: MissingTopics,
    /// What becomes of a document with the name of its query.
    pub identical_ids: IdenticalIds,
    /// Documents taken out of a query's list before anything is measured (BRIGHT's `excluded_ids`).
    pub excluded: BTreeMap<QueryId, BTreeSet<DocId>>,
}

/// What becomes of a topic that has judgments but is not in the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingTopics {
    /// It counts 0 and is averaged (`trec_eval -c`, `ir_measures`).
    #[default]
    CountZero,
    /// It is left out of the mean (`trec_eval` 9 without `-c`, BEIR, BRIGHT).
    Skip,
}

/// What becomes of a document that has the name of its query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdenticalIds {
    /// It stays in the list.
    #[default]
    Keep,
    /// It is taken out of the list before anything is measured (BEIR's `ignore_identical_ids`):
    /// collections such as `ArguAna` ask with a document of the collection itself.
    Drop,
}

/// What a run is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The run's name.
    pub run: String,
    /// The measures, in the order in which they were asked for.
    pub measures: Vec<Measure>,
    /// One mean over the scored topics for each measure; 0 where no topic was scored.
    pub means: Vec<f64>,
    /// For each scored topic one value for each measure, in the same order.
    pub per_query: BTreeMap<QueryId, Vec<f64>>,
    /// How many topics stand behind the means.
    pub topics: TopicCounts,
    /// Documents that identical or excluded ids took out of the lists of judged topics.
    pub documents_removed: usize,
}

/// How many topics stand behind a mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopicCounts {
    /// Topics with judgments.
    pub qrels: usize,
    /// Topics in the run.
    pub run: usize,
    /// Topics that were averaged.
    pub scored: usize,
    /// Topics with judgments that the run lacks: they count 0 or are skipped, as the options say.
    pub missing: usize,
    /// Topics of the run without judgments: they are ignored.
    pub not_judged: usize,
    /// Scored topics with judgments, none of them above 0: they count 0 and are averaged.
    pub without_relevant: usize,
}

impl Evaluation {
    /// The mean of a measure; `None` where it was not asked for.
    pub fn mean(&self, measure: Measure) -> Option<f64> {
        self.means.get(self.place(measure)?).copied()
    }

    /// The value of a measure for a query; `None` where it was not asked for or not scored.
    pub fn value(&self, query: &QueryId, measure: Measure) -> Option<f64> {
        self.per_query.get(query)?.get(self.place(measure)?).copied()
    }

    fn place(&self, measure: Measure) -> Option<usize> {
        self.measures.iter().position(|&other| other == measure)
    }
}

impl EvaluationOptions {
    /// The documents of a query that are measured, best first.
    pub fn ranked<'a>(&self, query: &QueryId, documents: &'a [(DocId, f64)]) -> Vec<&'a DocId> {
        let excluded = self.excluded.get(query);
        let is_kept = |doc: &DocId| {
            let is_query = match self.identical_ids {
                IdenticalIds::Keep => false,
                IdenticalIds::Drop => doc.as_str() == query.as_str(),
            };
            !is_query && excluded.is_none_or(|excluded| !excluded.contains(doc))
        };
        self.trec_eval.ranked(documents.iter().filter(|(doc, _)| is_kept(doc)))
    }
}

/// Measures a run against judgments.
///
/// Topics are those of the qrels. A topic without a relevant document is worth 0 and is averaged;
/// a topic that only the run has is ignored and counted. A topic whose list is empty, or became
/// empty, is worth 0 and is not missing.
pub fn evaluate(run: &Run, qrels: &Qrels, measures: &[Measure], options: &EvaluationOptions) -> Evaluation {
    let mut per_query = BTreeMap::new();
    let mut documents_removed = 0;
    let mut topics = TopicCounts {
        qrels: qrels.len(),
        run: run.queries().len(),
        not_judged: run.queries().filter(|query| qrels.judged(query).is_none()).count(),
        ..TopicCounts::default()
    };
    for (query, judgments) in qrels.iter() {
        let values = if let Some(documents) = run.documents(query) {
            let ranked = options.ranked(query, documents);
            documents_removed += documents.len() - ranked.len();
            let topic = Topic::new(&ranked, judgments);
            measures.iter().map(|measure| measure.value(&topic)).collect()
        } else {
            topics.missing += 1;
            match options.missing_topics {
                MissingTopics::CountZero => vec![0.0; measures.len()],
                MissingTopics::Skip => continue,
            }
        };
        topics.without_relevant += usize::from(judgments.values().all(|&grade| grade <= 0));
        per_query.insert(query.clone(), values);
    }
    topics.scored = per_query.len();
    Evaluation {
        run: run.name.clone(),
        measures: measures.to_vec(),
        means: means(&per_query, measures.len()),
        per_query,
        topics,
        documents_removed,
    }
}

/// One mean for each measure, summed in the order of the queries' names.
fn means(per_query: &BTreeMap<QueryId, Vec<f64>>, n_measures: usize) -> Vec<f64> {
    let n_queries = per_query.len().max(1) as f64;
    let mean = |i: usize| per_query.values().map(|values| values[i]).sum::<f64>() / n_queries;
    (0..n_measures).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Run, Qrels, Vec<Measure>) {
        let mut qrels = Qrels::default();
        for (query, doc, grade) in [("q1", "a", 1), ("q2", "a", 1), ("q3", "a", 0), ("q4", "q4", 0), ("q4", "b", 2)] {
            qrels.insert(query.into(), doc.into(), grade);
        }
        let mut run = Run::new("example");
        run.insert("q1".into(), vec![("x".into(), 2.0), ("a".into(), 1.0)]).unwrap();
        run.insert("q3".into(), vec![("a".into(), 1.0)]).unwrap();
        run.insert("q4".into(), vec![("q4".into(), 9.0), ("b".into(), 1.0)]).unwrap();
        run.insert("q9".into(), vec![("a".into(), 1.0)]).unwrap();
        (run, qrels, vec!["RR".parse().unwrap()])
    }

    fn check(options: &EvaluationOptions, mean: f64, scored: usize, documents_removed: usize) {
        let (run, qrels, measures) = example();
        let found = evaluate(&run, &qrels, &measures, options);
        assert_eq!((found.means[0], found.topics.scored, found.documents_removed), (mean, scored, documents_removed));
    }

    #[test]
    fn missing_topics_count_zero_or_are_skipped() {
        check(&EvaluationOptions::default(), 1.0 / 4.0, 4, 0);
        check(
            &EvaluationOptions { missing_topics: MissingTopics::Skip, ..EvaluationOptions::default() },
            1.0 / 3.0,
            3,
            0,
        );
    }

    #[test]
    fn the_query_itself_is_dropped_where_asked() {
        let options = EvaluationOptions { identical_ids: IdenticalIds::Drop, ..EvaluationOptions::default() };
        check(&options, 1.5 / 4.0, 4, 1);
    }

    #[test]
    fn excluded_documents_are_dropped_for_their_query_only() {
        let excluded = BTreeMap::from([("q1".into(), BTreeSet::from(["x".into(), "b".into()]))]);
        check(&EvaluationOptions { excluded, ..EvaluationOptions::default() }, 1.5 / 4.0, 4, 1);
    }

    #[test]
    fn topics_are_counted() {
        let (run, qrels, measures) = example();
        let found = evaluate(&run, &qrels, &measures, &EvaluationOptions::default());
        let expected = TopicCounts { qrels: 4, run: 4, scored: 4, missing: 1, not_judged: 1, without_relevant: 1 };
        assert_eq!(found.topics, expected);
        assert_eq!(found.value(&"q1".into(), measures[0]), Some(0.5));
        assert_eq!(found.value(&"q9".into(), measures[0]), None);
        assert_eq!(found.mean("AP".parse().unwrap()), None);
    }

    #[test]
    fn nothing_judged_is_a_mean_of_zero() {
        let (run, _, measures) = example();
        let found = evaluate(&run, &Qrels::default(), &measures, &EvaluationOptions::default());
        assert_eq!((found.means.as_slice(), found.topics.not_judged), (&[0.0][..], 4));
    }
}
