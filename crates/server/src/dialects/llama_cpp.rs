//! llama.cpp's server, `POST /reranking` and `/v1/reranking`: scores are raw.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Asked, ExplainField, Scale};
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::{Echoed, Reply};

/// `POST /v1/reranking`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "LlamaCppRequest")]
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
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// What is said when a request is not answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LlamaCppError")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    error: ErrorInfo,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LlamaCppErrorInfo")]
struct ErrorInfo {
    /// The status code.
    code: u16,
    /// In words.
    message: String,
    /// The kind of it.
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        let asked =
            Asked::of(self.query, self.documents)?.with_top_n(self.top_n)?.with_reasons(self.explain, self.stream);
        Ok(Asked { scale: Scale::Logit, model: self.model, ..asked })
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    Reply::of(asked, answer, "list", Echoed::object)
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE);
    let kind = match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    };
    (status, ErrorBody { error: ErrorInfo { code: status.as_u16(), message: problem.to_string(), kind } })
}
