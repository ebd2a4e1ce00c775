//! Cohere, `POST /v2/rerank`: documents as strings, never sent back, with the spans that matter where asked.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::asked::{Answer, Asked, Echo, ExplainField, SpanWish};
use crate::dialects::cohere_v1::ErrorBody;
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::{Echoed, Meta, Reply};
use crate::truncation::Truncation;

/// The least score of a span, unless the client says otherwise.
const SPAN_THRESHOLD: f32 = 0.1;

/// `POST /v2/rerank` of Cohere's clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CohereV2Request")]
pub(crate) struct Request {
    /// The model; any name is taken.
    model: Option<String>,
    /// The query.
    #[schemars(required)]
    query: Option<Text>,
    /// The documents to rank.
    #[schemars(required)]
    documents: Option<Passages>,
    /// How many of the best are wanted; all where it is absent.
    top_n: Option<Count>,
    /// Word pieces of each document that are read at most.
    max_tokens_per_doc: Option<Count>,
    /// Whether documents are sent back, which Cohere never does.
    return_documents: Option<Flag>,
    /// Which sentences of the documents are told.
    relevant_spans: Option<SpanOptions>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// Which sentences are told.
#[derive(Debug, Deserialize, JsonSchema)]
struct SpanOptions {
    /// Whether any are.
    mode: Option<SpanMode>,
    /// The least score.
    threshold: Option<f32>,
    /// The most spans of a document.
    max_spans: Option<Count>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SpanMode {
    Enabled,
    Disabled,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        let max_tokens = self.max_tokens_per_doc.map(|Count(n)| n);
        if max_tokens == Some(0) {
            return Err(Problem::invalid("max_tokens_per_doc", "`max_tokens_per_doc` is 0: nothing would be read"));
        }
        let spans = self.relevant_spans.and_then(|options| {
            (options.mode != Some(SpanMode::Disabled)).then(|| SpanWish {
                threshold: options.threshold.unwrap_or(SPAN_THRESHOLD),
                max_spans: options.max_spans.map_or(usize::MAX, |Count(n)| n),
            })
        });
        let asked =
            Asked::of(self.query, self.documents)?.with_top_n(self.top_n)?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            echo: Echo::of(self.return_documents, Echo::No),
            truncation: Truncation { document: max_tokens, ..Truncation::default() },
            spans,
            model: self.model,
            ..asked
        })
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    let meta = Meta::of(answer.tokens, asked.list.documents.len(), "2", answer.warnings.clone());
    Reply { meta, ..Reply::of(asked, answer, "rerank", Echoed::object) }
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS);
    (status, ErrorBody { message: problem.to_string() })
}
