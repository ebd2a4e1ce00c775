//! Control runs: what a reranker must beat, and what it can reach at best.

use std::cmp::Reverse;

use r2r_types::{DocId, Qrels, QueryId, Run};

use crate::order::TrecEval;
use crate::random::{named_generator, shuffle};

/// An order that needs no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// The first stage's own order: what reranking must improve.
    Identity,
    /// A random order. It depends on the seed, the query and its set of documents, on nothing else.
    Random {
        /// The seed.
        seed: u64,
    },
    /// By grade, highest first; equal grades stay in the first stage's order, and a document that
    /// nobody judged counts as graded 0: the best that reranking this first stage can reach.
    Oracle,
}

/// Reorders the documents of a first stage, as `trec_eval` 9 ranks them.
///
/// Scores count down to 1 and stay distinct as 32-bit floats for up to 2^24 documents. The name is
/// that of the first stage with ".identity", ".random-SEED" or ".oracle".
pub fn control_run(first_stage: &Run, qrels: &Qrels, control: Control) -> Run {
    let mut run = Run::new(&name(&first_stage.name, control));
    for (query, documents) in first_stage.iter() {
        let documents = reorder(query, TrecEval::V9.ranked(documents), qrels, control);
        let n_documents = documents.len();
        let scored = documents.into_iter().enumerate().map(|(i, doc)| (doc.clone(), (n_documents - i) as f64));
        run.insert(query.clone(), scored.collect())
            .expect("a first stage holds each document once, and counts are numbers");
    }
    run
}

fn reorder<'a>(query: &QueryId, mut documents: Vec<&'a DocId>, qrels: &Qrels, control: Control) -> Vec<&'a DocId> {
    match control {
        Control::Identity => {}
        Control::Random { seed } => {
            documents.sort_unstable();
            shuffle(&mut named_generator(seed, query.as_str()), &mut documents);
        }
        Control::Oracle => documents.sort_by_key(|doc| Reverse(qrels.grade(query, doc).unwrap_or(0))),
    }
    documents
}

fn name(first_stage: &str, control: Control) -> String {
    match control {
        Control::Identity => format!("{first_stage}.identity"),
        Control::Random { seed } => format!("{first_stage}.random-{seed}"),
        Control::Oracle => format!("{first_stage}.oracle"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_stage(documents: &[(&str, f64)]) -> Run {
        let mut run = Run::new("bm25");
        run.insert("q".into(), documents.iter().map(|&(doc, score)| (doc.into(), score)).collect()).unwrap();
        run
    }

    fn order(run: &Run) -> Vec<String> {
        TrecEval::V9.ranked(run.documents(&"q".into()).unwrap()).into_iter().map(DocId::to_string).collect()
    }

    const DOCUMENTS: [(&str, f64); 6] = [("a", 1.0), ("b", 6.0), ("c", 1.0), ("d", 4.0), ("e", 3.0), ("f", 2.0)];

    #[test]
    fn identity_keeps_the_order() {
        let run = control_run(&first_stage(&DOCUMENTS), &Qrels::default(), Control::Identity);
        assert_eq!((run.name.as_str(), order(&run).concat().as_str()), ("bm25.identity", "bdefca"));
    }

    #[test]
    fn the_oracle_knows_the_grades_and_breaks_ties_by_the_first_stage() {
        let mut qrels = Qrels::default();
        for (doc, grade) in [("a", 3), ("e", 1), ("f", 3), ("b", -1), ("z", 3)] {
            qrels.insert("q".into(), doc.into(), grade);
        }
        let run = control_run(&first_stage(&DOCUMENTS), &qrels, Control::Oracle);
        assert_eq!(order(&run).concat(), "faedcb");
    }

    #[test]
    fn a_random_order_depends_on_seed_and_documents_only() {
        let qrels = Qrels::default();
        let run = |documents: &[(&str, f64)], seed| {
            order(&control_run(&first_stage(documents), &qrels, Control::Random { seed })).concat()
        };
        let mut reversed = DOCUMENTS;
        reversed.reverse();
        assert_eq!(run(&DOCUMENTS, 7), run(&reversed.map(|(doc, score)| (doc, -score)), 7));
        let orders: std::collections::BTreeSet<String> = (0..50).map(|seed| run(&DOCUMENTS, seed)).collect();
        assert!(orders.len() > 40);
    }
}
