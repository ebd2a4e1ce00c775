//! In which order a run's documents stand: as `trec_eval` sorts them.

use r2r_types::DocId;
use serde::{Deserialize, Serialize};

/// The version of `trec_eval` whose order of documents is followed.
///
/// Both sort by score, highest first, and break ties by document id, bytewise, highest first; both
/// ignore the rank column. They differ in how exact a score is. Numbers of Anserini, Pyserini, BEIR,
/// MTEB and BRIGHT follow version 9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TrecEval {
    /// Up to 9.0.8: scores are 32-bit floats, so that 1.00000002 and 1.00000001 are equal.
    #[default]
    #[serde(rename = "9")]
    V9,
    /// From 10.0: scores are 64-bit floats.
    #[serde(rename = "10")]
    V10,
}

impl TrecEval {
    /// The documents, best first. No score may be NaN, which [`r2r_types::Run`] sees to.
    pub fn ranked<'a>(self, documents: impl IntoIterator<Item = &'a (DocId, f64)>) -> Vec<&'a DocId> {
        let mut ranked: Vec<(f64, &DocId)> =
            documents.into_iter().map(|(doc, score)| (self.as_compared(*score), doc)).collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.cmp(a.1)));
        ranked.into_iter().map(|(_, doc)| doc).collect()
    }

    /// The score as this version compares it.
    fn as_compared(self, score: f64) -> f64 {
        let score = match self {
            TrecEval::V9 => f64::from(score as f32),
            TrecEval::V10 => score,
        };
        // Adding zero makes -0.0 and 0.0 one number, as they are for C but not for `total_cmp`.
        score + 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: TrecEval, documents: &[(&str, f64)], expected: &[&str]) {
        let documents: Vec<(DocId, f64)> = documents.iter().map(|&(doc, score)| (doc.into(), score)).collect();
        let ranked: Vec<&str> = version.ranked(&documents).into_iter().map(DocId::as_str).collect();
        assert_eq!(ranked, expected);
    }

    #[test]
    fn ties_fall_to_the_higher_id_bytewise() {
        let tied = [("d2", 1.0), ("d10", 1.0), ("D4", 1.0), ("d3", 1.0), ("é", 1.0), ("z", 1.0)];
        check(TrecEval::V9, &tied, &["é", "z", "d3", "d2", "d10", "D4"]);
        check(TrecEval::V10, &tied, &["é", "z", "d3", "d2", "d10", "D4"]);
    }

    #[test]
    fn only_version_9_ties_what_32_bits_cannot_tell_apart() {
        let close = [("a", 1.000_000_02), ("b", 1.000_000_01)];
        check(TrecEval::V9, &close, &["b", "a"]);
        check(TrecEval::V10, &close, &["a", "b"]);
    }

    #[test]
    fn the_two_zeros_are_equal() {
        check(TrecEval::V9, &[("a", 0.0), ("b", -0.0)], &["b", "a"]);
        check(TrecEval::V10, &[("a", 0.0), ("b", -0.0)], &["b", "a"]);
    }

    #[test]
    fn infinite_scores_have_their_place() {
        check(
            TrecEval::V10,
            &[("a", f64::NEG_INFINITY), ("b", 0.0), ("c", f64::INFINITY), ("d", 1e300)],
            &["c", "d", "b", "a"],
        );
        check(TrecEval::V9, &[("c", f64::INFINITY), ("d", 1e300)], &["d", "c"]);
    }
}
