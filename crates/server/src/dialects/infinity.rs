//! Infinity, `POST /rerank`: documents are sent back as plain strings.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::asked::{Answer, Asked, Echo, ExplainField, Scale};
use crate::dialects::vllm::{ErrorBody, ErrorInfo};
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::{Echoed, Reply};

/// `POST /rerank` of Infinity's clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InfinityRequest")]
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
    /// Whether documents are sent back.
    return_documents: Option<Flag>,
    /// Whether raw scores are told instead of probabilities; the field by which Infinity's clients are known.
    raw_scores: Option<Flag>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        let asked =
            Asked::of(self.query, self.documents)?.with_top_n(self.top_n)?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            echo: Echo::of(self.return_documents, Echo::No),
            scale: Scale::raw_if(self.raw_scores),
            model: self.model,
            ..asked
        })
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    let id = format!("infinity-{}", answer.id);
    Reply { id, ..Reply::of(asked, answer, "rerank", Echoed::text) }
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS);
    (status, ErrorBody { error: ErrorInfo::of(problem, status) })
}
