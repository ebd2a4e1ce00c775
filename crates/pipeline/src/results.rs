//! A ranking as the JSON that `rerank --json` prints and `--explanations` writes.

use std::collections::HashMap;

use r2r_types::candidates::Candidates;
use r2r_types::document::Document;
use r2r_types::id::{DocId, QueryId};
use r2r_types::ranking::Ranking;
use r2r_types::reasoning::Reasoning;
use r2r_types::stage::StageError;
use serde::Serialize;

use crate::student::LoadedStudent;

/// One reranked query.
#[derive(Clone, Debug, Serialize)]
pub struct QueryResults {
    /// The query's name, where it comes from a collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qid: Option<QueryId>,
    /// The query's text.
    pub query: String,
    /// The student's name.
    pub student: String,
    /// The documents, best first.
    pub results: Vec<DocumentResult>,
}

/// One document of a reranked query.
#[derive(Clone, Debug, Serialize)]
pub struct DocumentResult {
    /// Its place, from 1.
    pub rank: usize,
    /// Its name.
    pub id: DocId,
    /// The calibrated probability of relevance.
    pub score: f32,
    /// The raw score that orders documents.
    pub logit: f32,
    /// Its place in the first stage's list, from 1.
    pub retrieved_rank: usize,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Why it stands there; null where that was not asked for.
    pub reasoning: Option<Reasoning>,
}

impl QueryResults {
    /// The best `shown` of a student's ranking.
    pub fn of(
        student: &LoadedStudent,
        candidates: &Candidates,
        ranking: &Ranking,
        shown: usize,
    ) -> Result<Self, StageError> {
        let query = &candidates.query.text;
        let retrieved: HashMap<&DocId, (usize, &Document)> = candidates
            .list
            .iter()
            .enumerate()
            .map(|(i, candidate)| (&candidate.document.id, (i + 1, &*candidate.document)))
            .collect();
        let mut results = Vec::new();
        for (i, ranked) in ranking.ranked().iter().enumerate().take(shown) {
            let (retrieved_rank, document) = retrieved[&ranked.doc];
            results.push(DocumentResult {
                rank: i + 1,
                id: ranked.doc.clone(),
                score: student.probability(ranked.score),
                logit: ranked.score,
                retrieved_rank,
                truncated: student.is_truncated(query, document)?,
                reasoning: ranked.reasoning.clone(),
            });
        }
        Ok(Self { qid: None, query: query.clone(), student: student.name().to_owned(), results })
    }
}
