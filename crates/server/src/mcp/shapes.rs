//! The structured answers of the tools: the keys of `r2r rerank --json`, described for those who read the schema.

use reason_to_rank::reranking::student::Score;
use reason_to_rank::results::{DocumentResult, QueryResults};
use reason_to_rank::types::document::Document;
use reason_to_rank::types::evidence::Evidence;
use reason_to_rank::types::reasoning::{Reasoning, Stands};
use schemars::JsonSchema;
use serde::Serialize;

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
    pub score: f64,
    /// The raw score that orders documents.
    pub logit: f64,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    pub truncated: bool,
    /// Why it stands there; null where that was not asked for.
    pub reasoning: Option<ReasoningShape>,
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
    pub score: f64,
    /// The raw score that orders documents.
    pub logit: f64,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    pub truncated: bool,
    /// Why.
    pub reasoning: ReasoningShape,
}

/// Why a document stands where it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReasoningShape {
    /// How the document answers the query.
    pub direct: String,
    /// Why it stands above or below another; empty where there was none.
    pub comparison: ComparisonShape,
    /// The words that carry the answer: verbatim quotes.
    pub evidence: Vec<EvidenceShape>,
    /// Content words of the query that the document has.
    pub matched: Vec<String>,
    /// Content words of the query that it lacks.
    pub missing: Vec<String>,
}

/// A comparison with a named document.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ComparisonShape {
    /// The comparison in words.
    pub text: String,
    /// Which documents it is about.
    pub against: Vec<AgainstShape>,
}

/// Where a document stands relative to another.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AgainstShape {
    /// The other document.
    pub id: String,
    /// `above`: the explained document ranks higher; `below`: lower.
    pub stands: &'static str,
}

/// A verbatim quote with its receipt.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EvidenceShape {
    /// The quoted words.
    pub quote: String,
    /// First Unicode code point of the quote in the document's text.
    pub start: usize,
    /// One past its last code point.
    pub end: usize,
    /// The document's score without these words.
    pub score_without: Option<f64>,
    /// The score of these words alone.
    pub score_alone: Option<f64>,
}

impl RankingShape {
    /// The structured form of a student's results.
    pub(super) fn of(results: &QueryResults, warnings: Vec<String>) -> Self {
        Self {
            query: results.query.clone(),
            student: results.ranker.name().to_owned(),
            results: results.results.iter().map(RankedShape::of).collect(),
            warnings,
        }
    }
}

impl RankedShape {
    fn of(result: &DocumentResult) -> Self {
        Self {
            rank: result.rank,
            index: result.retrieved_rank - 1,
            id: result.id.to_string(),
            score: digits(result.score),
            logit: result.logit.map_or(f64::NAN, digits),
            truncated: result.truncated,
            reasoning: result.reasoning.as_ref().map(ReasoningShape::of),
        }
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
        reasoning: &Reasoning,
    ) -> Self {
        Self {
            query: query.to_owned(),
            student: student.to_owned(),
            id: document.id.to_string(),
            score: digits(score.probability),
            logit: digits(score.logit),
            truncated,
            reasoning: ReasoningShape::of(reasoning),
        }
    }
}

impl ReasoningShape {
    fn of(reasoning: &Reasoning) -> Self {
        let against = reasoning.comparison.against.iter().map(|against| AgainstShape {
            id: against.id.to_string(),
            stands: match against.stands {
                Stands::Above => "above",
                Stands::Below => "below",
            },
        });
        Self {
            direct: reasoning.direct.clone(),
            comparison: ComparisonShape { text: reasoning.comparison.text.clone(), against: against.collect() },
            evidence: reasoning.evidence.iter().map(EvidenceShape::of).collect(),
            matched: reasoning.coverage.matched.clone(),
            missing: reasoning.coverage.missing.clone(),
        }
    }
}

impl EvidenceShape {
    fn of(evidence: &Evidence) -> Self {
        Self {
            quote: evidence.quote().to_owned(),
            start: evidence.start(),
            end: evidence.end(),
            score_without: evidence.receipt.map(|receipt| digits(receipt.score_without)),
            score_alone: evidence.receipt.map(|receipt| digits(receipt.score_alone)),
        }
    }
}

/// A 32-bit number with the digits that `rerank --json` prints for it: widened as it is, .1 would become .10000000149.
fn digits(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
