//! Jina, `POST /v1/rerank`, and every client that says no more than it must: documents are sent back unless refused.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Asked, Echo, ExplainField, Overlong};
use crate::dialects::vllm::ErrorInfo;
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::{Echoed, Reply};

/// `POST /v1/rerank`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RerankRequest")]
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
    /// Whether documents are sent back (the default).
    return_documents: Option<Flag>,
    /// Whether documents that are too long are cut (the default) or refused.
    truncation: Option<Flag>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// What is said when a request is not answered. A client that says no more than it must may be anyone's: it finds the
/// text where Jina, Cohere and `OpenAI` have it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RerankError")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    pub(crate) detail: String,
    /// The same.
    pub(crate) message: String,
    /// The same, with its kind.
    pub(crate) error: ErrorInfo,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        let asked =
            Asked::of(self.query, self.documents)?.with_top_n(self.top_n)?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            echo: Echo::of(self.return_documents, Echo::Texts),
            overlong: Overlong::cut_unless_refused(self.truncation),
            model: self.model,
            ..asked
        })
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    Reply::of(asked, answer, "list", Echoed::object)
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS);
    let (detail, message) = (problem.to_string(), problem.to_string());
    (status, ErrorBody { detail, message, error: ErrorInfo::of(problem, status) })
}
