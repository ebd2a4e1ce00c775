//! A reranked list: a permutation of its candidates, by construction.

use std::collections::HashSet;

use serde::Serialize;
use thiserror::Error;

use crate::candidates::Candidates;
use crate::id::DocId;
use crate::reasoning::Reasoning;

/// A permutation of some candidates, best first, with scores that are finite and never rise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ranking {
    ranked: Vec<Ranked>,
}

/// One document of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The document.
    #[serde(rename = "id")]
    pub doc: DocId,
    /// The raw score (a logit for students); order is by this number.
    pub score: f32,
    /// Why it stands there, where that was asked for.
    pub reasoning: Option<Reasoning>,
}

/// Why a list is not a ranking of its candidates.
#[derive(Debug, Error, PartialEq)]
pub enum RankingError {
    /// A document occurs twice.
    #[error("document {0} is ranked twice")]
    Duplicate(DocId),
    /// A document is none of the candidates.
    #[error("document {0} is not among the candidates")]
    Unknown(DocId),
    /// Some candidates are missing.
    #[error("{ranked} documents are ranked of {candidates} candidates")]
    Incomplete {
        /// Documents in the list.
        ranked: usize,
        /// Documents that should be there.
        candidates: usize,
    },
    /// A score is NaN or infinite.
    #[error("document {doc} has the score {score}, which is not a finite number")]
    NotFinite {
        /// The document.
        doc: DocId,
        /// Its score.
        score: f32,
    },
    /// A score is higher than the one before it.
    #[error("the score of document {0} is higher than the score of the document before it")]
    Rising(DocId),
}

impl Ranking {
    /// Checks that `ranked` is a permutation of the candidates with finite scores that never rise.
    pub fn of(candidates: &Candidates, ranked: Vec<Ranked>) -> Result<Self, RankingError> {
        let known: HashSet<&DocId> = candidates.list.iter().map(|candidate| &candidate.document.id).collect();
        let mut seen = HashSet::with_capacity(ranked.len());
        let mut previous = f32::INFINITY;
        for entry in &ranked {
            if !known.contains(&entry.doc) {
                return Err(RankingError::Unknown(entry.doc.clone()));
            }
            if !seen.insert(&entry.doc) {
                return Err(RankingError::Duplicate(entry.doc.clone()));
            }
            if !entry.score.is_finite() {
                return Err(RankingError::NotFinite { doc: entry.doc.clone(), score: entry.score });
            }
            if entry.score > previous {
                return Err(RankingError::Rising(entry.doc.clone()));
            }
            previous = entry.score;
        }
        if ranked.len() != known.len() {
            return Err(RankingError::Incomplete { ranked: ranked.len(), candidates: known.len() });
        }
        Ok(Self { ranked })
    }

    /// The documents, best first.
    pub fn ranked(&self) -> &[Ranked] {
        &self.ranked
    }

    /// The documents, best first, to keep.
    pub fn into_ranked(self) -> Vec<Ranked> {
        self.ranked
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::candidates::Candidate;
    use crate::document::{Document, Query};

    fn candidates(n: usize) -> Candidates {
        let document = |i: usize| {
            Arc::new(Document { id: format!("d{i}").into(), title: String::new(), text: format!("text {i}") })
        };
        Candidates {
            query: Arc::new(Query { id: "q".into(), text: "query".into() }),
            list: (0..n).map(|i| Candidate { document: document(i), score: -(i as f32) }).collect(),
        }
    }

    fn entry(doc: &str, score: f32) -> Ranked {
        Ranked { doc: doc.into(), score, reasoning: None }
    }

    #[test]
    fn what_is_no_permutation_is_no_ranking() {
        let check = |ranked: Vec<Ranked>, expected| assert_eq!(Ranking::of(&candidates(2), ranked), Err(expected));
        check(vec![entry("d0", 1.0)], RankingError::Incomplete { ranked: 1, candidates: 2 });
        check(vec![entry("d0", 1.0), entry("d0", 0.0)], RankingError::Duplicate("d0".into()));
        check(vec![entry("d0", 1.0), entry("d9", 0.0)], RankingError::Unknown("d9".into()));
        check(vec![entry("d0", 1.0), entry("d1", 2.0)], RankingError::Rising("d1".into()));
    }

    #[test]
    fn scores_that_are_no_numbers_are_refused() {
        let ranked = vec![entry("d0", f32::NAN), entry("d1", 0.0)];
        assert!(matches!(Ranking::of(&candidates(2), ranked), Err(RankingError::NotFinite { .. })));
    }
}
