//! The measures: one file each, with its name, its formula and its source.
//!
//! A new measure is a file like its siblings, a variant here, and a line in `name`.

mod average_precision;
mod bpref;
mod judged;
pub mod name;
mod ndcg;
pub mod parameters;
mod precision;
mod recall;
mod reciprocal_rank;
mod success;

use serde::{Deserialize, Serialize};

use crate::measures::parameters::{Cutoff, Gain, Level};
use crate::topic::Topic;

/// A measure of how good an order is, for one topic: 0 is worst, 1 is best.
///
/// Written and read as in `ir_measures`: `nDCG@10`, `AP(rel=2)@100`, `RR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Measure {
    /// `nDCG`, `nDCG@10`, `nDCG(dcg='exp-log2')@10`: normalized discounted cumulative gain.
    Ndcg {
        /// What a grade is worth.
        gain: Gain,
        /// Documents looked at; all without.
        cutoff: Option<Cutoff>,
    },
    /// `AP`, `AP@100`, `AP(rel=2)`: average precision.
    AveragePrecision {
        /// From which grade a document is relevant.
        level: Level,
        /// Documents looked at; all without.
        cutoff: Option<Cutoff>,
    },
    /// `RR`, `RR@10`, `RR(rel=2)`: reciprocal rank.
    ReciprocalRank {
        /// From which grade a document is relevant.
        level: Level,
        /// Documents looked at; all without.
        cutoff: Option<Cutoff>,
    },
    /// `P@10`, `P(rel=2)@10`: precision.
    Precision {
        /// From which grade a document is relevant.
        level: Level,
        /// Documents looked at.
        cutoff: Cutoff,
    },
    /// `R@100`, `R(rel=2)@100`: recall.
    Recall {
        /// From which grade a document is relevant.
        level: Level,
        /// Documents looked at.
        cutoff: Cutoff,
    },
    /// `Success@5`, `Success(rel=2)@5`: whether anything relevant was found.
    Success {
        /// From which grade a document is relevant.
        level: Level,
        /// Documents looked at.
        cutoff: Cutoff,
    },
    /// `Bpref`, `Bpref(rel=2)`: binary preference.
    Bpref {
        /// From which grade a document is relevant.
        level: Level,
    },
    /// `Judged@10`: the share of judged documents.
    Judged {
        /// Documents looked at.
        cutoff: Cutoff,
    },
}

impl Measure {
    /// The value for one topic.
    pub(crate) fn value(self, topic: &Topic) -> f64 {
        match self {
            Measure::Ndcg { gain, cutoff } => ndcg::value(topic, gain, cutoff),
            Measure::AveragePrecision { level, cutoff } => average_precision::value(topic, level, cutoff),
            Measure::ReciprocalRank { level, cutoff } => reciprocal_rank::value(topic, level, cutoff),
            Measure::Precision { level, cutoff } => precision::value(topic, level, cutoff),
            Measure::Recall { level, cutoff } => recall::value(topic, level, cutoff),
            Measure::Success { level, cutoff } => success::value(topic, level, cutoff),
            Measure::Bpref { level } => bpref::value(topic, level),
            Measure::Judged { cutoff } => judged::value(topic, cutoff),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use r2r_types::DocId;

    use super::*;
    use crate::order::TrecEval;

    struct Case<'a> {
        qrels: &'a [(&'a str, i32)],
        run: &'a [(&'a str, f64)],
    }

    impl Case<'_> {
        /// Checks measures of version 9 to the six digits that `pytrec_eval` 0.5.11 gave.
        fn check(&self, expected: &[(&str, f64)]) {
            for &(measure, value) in expected {
                let found = self.value(measure, TrecEval::V9);
                assert!((found - value).abs() < 5e-7, "{measure}: {found} instead of {value}");
            }
        }

        fn value(&self, measure: &str, version: TrecEval) -> f64 {
            let run: Vec<(DocId, f64)> = self.run.iter().map(|&(doc, score)| (doc.into(), score)).collect();
            let judgments: BTreeMap<DocId, i32> = self.qrels.iter().map(|&(doc, grade)| (doc.into(), grade)).collect();
            let topic = Topic::new(&version.ranked(&run), &judgments);
            measure.parse::<Measure>().unwrap().value(&topic)
        }
    }

    #[test]
    fn grades_count_as_they_are() {
        let case = Case { qrels: &[("a", 3), ("b", 1), ("c", 0)], run: &[("b", 3.0), ("a", 2.0), ("c", 1.0)] };
        case.check(&[("nDCG@3", 0.796_708), ("nDCG@10", 0.796_708), ("AP", 1.0), ("RR", 1.0), ("Bpref", 1.0)]);
        case.check(&[("nDCG(dcg='exp-log2')@10", 0.709_810), ("nDCG", 0.796_708)]);
    }

    #[test]
    fn ties_are_broken_by_id_before_anything_is_measured() {
        let case = Case { qrels: &[("d2", 1), ("d10", 2)], run: &[("d10", 1.0), ("d2", 1.0), ("d3", 1.0)] };
        case.check(&[("nDCG@3", 0.619_906), ("nDCG@10", 0.619_906), ("AP", 0.583_333), ("RR", 0.5), ("Bpref", 1.0)]);
    }

    #[test]
    fn unjudged_documents_keep_their_rank() {
        let case = Case { qrels: &[("b", 2), ("c", 1)], run: &[("zz", 3.0), ("c", 2.0), ("b", 1.0)] };
        case.check(&[("nDCG@3", 0.619_906), ("nDCG@10", 0.619_906), ("AP", 0.583_333), ("RR", 0.5), ("Bpref", 1.0)]);
        case.check(&[("Judged@1", 0.0), ("Judged@2", 0.5), ("Judged@10", 2.0 / 3.0)]);
    }

    #[test]
    fn negative_grades_gain_nothing_and_bpref_passes_them_over() {
        let case = Case { qrels: &[("a", -1), ("b", 2), ("c", 0)], run: &[("a", 3.0), ("b", 2.0), ("c", 1.0)] };
        case.check(&[("nDCG@3", 0.630_930), ("nDCG@10", 0.630_930), ("AP", 0.5), ("RR", 0.5), ("Bpref", 1.0)]);
    }

    #[test]
    fn the_level_moves_binary_measures_but_not_ndcg() {
        let case = Case {
            qrels: &[("a", 3), ("b", 2), ("c", 1), ("d", 0)],
            run: &[("c", 4.0), ("a", 3.0), ("d", 2.0), ("b", 1.0)],
        };
        case.check(&[("nDCG@3", 0.607_492), ("nDCG@10", 0.788_377)]);
        case.check(&[("AP(rel=2)", 0.5), ("RR(rel=2)", 0.5), ("Bpref(rel=2)", 0.25)]);
        case.check(&[("AP", 0.916_667), ("RR", 1.0), ("Bpref", 0.666_667)]);
        case.check(&[("AP(rel=2)@2", 0.25), ("RR(rel=3)@1", 0.0), ("P(rel=2)@3", 1.0 / 3.0), ("R(rel=2)@3", 0.5)]);
        case.check(&[("Success(rel=2)@1", 0.0), ("Success(rel=2)@2", 1.0), ("P@10", 0.3), ("R@10", 1.0)]);
    }

    #[test]
    fn what_was_not_retrieved_counts_against_the_run() {
        let case = Case { qrels: &[("a", 1), ("b", 1), ("c", 1)], run: &[("a", 1.0)] };
        case.check(&[("nDCG@3", 0.469_279), ("nDCG@10", 0.469_279), ("AP", 0.333_333), ("RR", 1.0)]);
        case.check(&[("Bpref", 0.333_333), ("P@10", 0.1), ("R@10", 0.333_333), ("Judged@10", 1.0)]);
    }

    #[test]
    fn scores_that_32_bits_cannot_tell_apart_tie_in_version_9_only() {
        let case = Case { qrels: &[("a", 1)], run: &[("a", 1.000_000_02), ("b", 1.000_000_01)] };
        case.check(&[("nDCG@3", 0.630_930), ("nDCG@10", 0.630_930), ("AP", 0.5), ("RR", 0.5), ("Bpref", 1.0)]);
        assert!((case.value("nDCG@10", TrecEval::V10) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_topic_without_relevant_documents_is_worth_nothing() {
        let case = Case { qrels: &[("a", 0), ("b", -1)], run: &[("a", 2.0), ("b", 1.0)] };
        for measure in ["nDCG", "nDCG@10", "AP", "RR", "P@10", "R@10", "Success@5", "Bpref"] {
            case.check(&[(measure, 0.0)]);
        }
    }
}
