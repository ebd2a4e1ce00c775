//! The structured answers of the tools: the keys of `r2r rerank --json`, described for those who read the schema.

use reason_to_rank::reranking::student::Score;
use reason_to_rank::results::QueryResults;
use reason_to_rank::types::document::Document;
use reason_to_rank::types::reasoning::Reasoning as Written;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::shapes::Reasoning;

/// A query's documents in order.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RankingShape {
    /// The query.
    pub query: String,
    /// The student that ranked.
    pub student: String,
    /// The best documents, best first.
    pub results: Vec<RankedShape>,
    /// What to know about this answer; empty where all is as asked.
    pub warnings: Vec<String>,
}

/// One document of a ranking.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RankedShape {
    /// Its place, from 1.
    pub rank: usize,
    /// Its index in the list of the call, from 0.
    pub index: usize,
    /// Its id in the call, or its index.
    pub id: String,
    /// Calibrated probability that it is relevant, 0 to 1.
    pub score: f32,
    /// The raw score that orders documents.
    pub logit: Option<f32>,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    pub truncated: bool,
    /// Why it stands there; null where that was not asked for.
    pub reasoning: Option<Reasoning>,
}

/// One document's explanation.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ExplanationShape {
    /// The query.
    pub query: String,
    /// The student that explains.
    pub student: String,
    /// The document's id in the call, or `document`.
    pub id: String,
    /// Calibrated probability that it is relevant, 0 to 1.
    pub score: f32,
    /// The raw score that orders documents.
    pub logit: f32,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    pub truncated: bool,
    /// Why.
    pub reasoning: Reasoning,
}

impl RankingShape {
    /// The structured form of a student's results.
    pub(super) fn of(results: QueryResults, warnings: Vec<String>) -> Self {
        let student = results.ranker.name().to_owned();
        let ranked = results.results.into_iter().map(|result| RankedShape {
            rank: result.rank,
            index: result.retrieved_rank - 1,
            id: result.id.to_string(),
            score: result.score,
            logit: result.logit,
            truncated: result.truncated,
            reasoning: result.reasoning.map(Reasoning::from),
        });
        Self { query: results.query, student, results: ranked.collect(), warnings }
    }
}

impl ExplanationShape {
    /// The structured form of one document's explanation.
    pub(super) fn of(
        query: &str,
        student: &str,
        document: &Document,
        score: Score,
        truncated: bool,
        reasoning: Written,
    ) -> Self {
        Self {
            query: query.to_owned(),
            student: student.to_owned(),
            id: document.id.to_string(),
            score: score.probability,
            logit: score.logit,
            truncated,
            reasoning: reasoning.into(),
        }
    }
}

/// A shape as a JSON value whose numbers have the digits that `rerank --json` prints: a value made directly would hold
/// 32-bit numbers widened, .1 as .10000000149.
pub(super) fn to_value(shape: &impl Serialize) -> serde_json::Result<Value> {
    serde_json::from_str(&serde_json::to_string(shape)?)
}
