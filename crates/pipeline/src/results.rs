//! A ranking as the JSON that `rerank --json` prints and `--explanations` writes.

use r2r_types::candidates::Candidates;
use r2r_types::id::{DocId, QueryId};
use r2r_types::ranking::Ranking;
use r2r_types::reasoning::Reasoning;
use serde::Serialize;

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
    /// Why it stands there; null where that was not asked for.
    pub reasoning: Option<Reasoning>,
}

impl QueryResults {
    /// The results of a ranking; `probability` turns a logit into a calibrated score.
    pub fn of(candidates: &Candidates, ranking: &Ranking, student: &str, probability: impl Fn(f32) -> f32) -> Self {
        let retrieved: std::collections::HashMap<&DocId, usize> =
            candidates.list.iter().enumerate().map(|(i, candidate)| (&candidate.document.id, i + 1)).collect();
        let results = ranking
            .ranked()
            .iter()
            .enumerate()
            .map(|(i, ranked)| DocumentResult {
                rank: i + 1,
                id: ranked.doc.clone(),
                score: probability(ranked.score),
                logit: ranked.score,
                retrieved_rank: retrieved[&ranked.doc],
                reasoning: ranked.reasoning.clone(),
            })
            .collect();
        Self { qid: None, query: candidates.query.text.clone(), student: student.to_owned(), results }
    }
}
