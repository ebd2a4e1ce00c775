//! What holds for any run and any judgments.

use proptest::prelude::*;
use r2r_evaluation::{Control, EvaluationOptions, Measure, TrecEval, control_run, evaluate};
use r2r_types::{DocId, Qrels, Run};

const MEASURES: [&str; 14] = [
    "nDCG",
    "nDCG@10",
    "nDCG@3",
    "nDCG(dcg='exp-log2')@10",
    "AP",
    "AP@5",
    "AP(rel=2)@100",
    "RR",
    "RR(rel=2)@3",
    "P@5",
    "R@5",
    "Success@3",
    "Bpref",
    "Judged@10",
];

fn measures() -> Vec<Measure> {
    MEASURES.iter().map(|name| name.parse().unwrap()).collect()
}

fn values(run: &Run, qrels: &Qrels) -> Vec<f64> {
    evaluate(run, qrels, &measures(), &EvaluationOptions::default()).means
}

fn run_of(documents: Vec<(DocId, f64)>) -> Run {
    let mut run = Run::new("run");
    run.insert("q".into(), documents).unwrap();
    run
}

prop_compose! {
    /// Judgments of some of the documents d0..d29, and a run of some of them with small whole scores.
    fn topic()(
        grades in prop::collection::btree_map(0_u8..30, -1_i32..4, 1..20),
        scores in prop::collection::btree_map(0_u8..30, -20_i16..20, 0..30),
    ) -> (Qrels, Vec<(DocId, f64)>) {
        let mut qrels = Qrels::default();
        for (doc, grade) in grades {
            qrels.insert("q".into(), format!("d{doc}").into(), grade);
        }
        (qrels, scores.into_iter().map(|(doc, score)| (format!("d{doc}").into(), f64::from(score))).collect())
    }
}

proptest! {
    #[test]
    fn measures_stay_between_0_and_1((qrels, documents) in topic()) {
        for (value, name) in values(&run_of(documents), &qrels).into_iter().zip(MEASURES) {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&value), "{} is {}", name, value);
        }
    }

    #[test]
    fn ndcg_of_the_ideal_order_is_1_where_anything_is_relevant((qrels, _) in topic()) {
        let judged = qrels.judged(&"q".into()).unwrap();
        let ideal = judged.iter().map(|(doc, &grade)| (doc.clone(), f64::from(grade))).collect();
        let expected = if judged.values().any(|&grade| grade > 0) { 1.0 } else { 0.0 };
        for (value, name) in values(&run_of(ideal), &qrels).into_iter().zip(MEASURES) {
            prop_assert!(!name.starts_with("nDCG") || (value - expected).abs() < 1e-12, "{} is {}", name, value);
        }
    }

    #[test]
    fn only_the_order_of_scores_matters((qrels, documents) in topic(), a in 0.1_f64..9.0, b in -9.0_f64..9.0) {
        let moved: Vec<_> =
            documents.iter().map(|(doc, score)| (doc.clone(), (score * 0.02 * a).sinh() + b)).collect();
        prop_assume!(distinct(&documents) == distinct(&moved));
        prop_assert_eq!(values(&run_of(documents), &qrels), values(&run_of(moved), &qrels));
    }

    #[test]
    fn the_order_of_lines_does_not_matter((qrels, documents) in topic()) {
        let reversed = documents.iter().rev().cloned().collect();
        prop_assert_eq!(values(&run_of(documents), &qrels), values(&run_of(reversed), &qrels));
    }

    #[test]
    fn unjudged_documents_at_the_end_change_no_top((qrels, documents) in topic(), n_more in 1_usize..20) {
        let mut longer = documents.clone();
        longer.extend((0..n_more).map(|i| (format!("unjudged{i}").into(), -100.0 - i as f64)));
        let (short, long) = (values(&run_of(documents), &qrels), values(&run_of(longer), &qrels));
        for ((short, long), name) in short.into_iter().zip(long).zip(MEASURES) {
            prop_assert!(name.starts_with("Judged") || short == long, "{}: {} and {}", name, short, long);
        }
    }

    #[test]
    fn no_order_of_a_first_stage_beats_the_oracle((qrels, documents) in topic(), seed: u64) {
        let first_stage = run_of(documents);
        let of = |control| values(&control_run(&first_stage, &qrels, control), &qrels);
        let oracle = of(Control::Oracle);
        prop_assert_eq!(of(Control::Identity), values(&first_stage, &qrels));
        for (other, (best, name)) in of(Control::Random { seed }).into_iter().zip(oracle.into_iter().zip(MEASURES)) {
            prop_assert!(name.starts_with("Judged") || other <= best + 1e-12, "{}: {} above {}", name, other, best);
        }
    }

    #[test]
    fn a_control_holds_the_same_documents((qrels, documents) in topic(), seed: u64) {
        let first_stage = run_of(documents);
        let sorted = |run: &Run| {
            let mut documents = TrecEval::V9.ranked(run.documents(&"q".into()).unwrap());
            documents.sort();
            documents.into_iter().cloned().collect::<Vec<DocId>>()
        };
        for control in [Control::Identity, Control::Random { seed }, Control::Oracle] {
            prop_assert_eq!(sorted(&control_run(&first_stage, &qrels, control)), sorted(&first_stage));
        }
    }
}

/// How many scores 32 bits can tell apart.
fn distinct(documents: &[(DocId, f64)]) -> usize {
    documents.iter().map(|(_, score)| (*score as f32).to_bits()).collect::<std::collections::BTreeSet<_>>().len()
}
