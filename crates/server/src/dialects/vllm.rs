//! vLLM, `/rerank`, `/v1/rerank` and `/v2/rerank`: documents are always sent back, 0 results are all.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Asked, Echo, ExplainField, Scale};
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::{Echoed, Reply};

/// The fields that only vLLM's clients send.
pub(crate) const OWN_FIELDS: [&str; 10] = [
    "truncate_prompt_tokens",
    "truncation_side",
    "max_tokens_per_query",
    "use_activation",
    "activation",
    "chat_template_kwargs",
    "mm_processor_kwargs",
    "cache_salt",
    "request_id",
    "instruction",
];

/// `POST /rerank` of vLLM's clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "VllmRequest")]
pub(crate) struct Request {
    /// The model; any name is taken.
    model: Option<String>,
    /// The query.
    #[schemars(required)]
    query: Option<Text>,
    /// The documents to rank.
    #[schemars(required)]
    documents: Option<Passages>,
    /// How many of the best are wanted; all where it is 0 or absent.
    top_n: Option<Count>,
    /// Word pieces of each document that are read at most; 0 is as many as the student can.
    max_tokens_per_doc: Option<Count>,
    /// Whether scores are probabilities (the default) or raw.
    use_activation: Option<Flag>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// What is said when a request is not answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VllmError")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    pub(crate) error: ErrorInfo,
}

/// What is wrong, as `OpenAI` says it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VllmErrorInfo")]
pub(crate) struct ErrorInfo {
    /// In words.
    pub(crate) message: String,
    /// The kind of it.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The field at fault.
    pub(crate) param: Option<&'static str>,
    /// The status code.
    pub(crate) code: u16,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        let not_zero = |count: Option<Count>| count.map(|Count(n)| n).filter(|&n| n > 0);
        let asked = Asked::of(self.query, self.documents)?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            top_n: not_zero(self.top_n),
            max_tokens_per_document: not_zero(self.max_tokens_per_doc),
            scale: raw_unless(self.use_activation),
            echo: Echo::Texts,
            model: self.model,
            ..asked
        })
    }
}

/// Raw scores where no activation is wanted.
pub(crate) fn raw_unless(use_activation: Option<Flag>) -> Scale {
    if use_activation == Some(Flag(false)) { Scale::Logit } else { Scale::Probability }
}

impl ErrorInfo {
    /// A problem with the status code that it has.
    pub(crate) fn of(problem: &Problem, status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::UNAUTHORIZED => "AuthenticationError",
            StatusCode::NOT_FOUND => "NotFoundError",
            StatusCode::TOO_MANY_REQUESTS => "RateLimitError",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
            StatusCode::GATEWAY_TIMEOUT => "TimeoutError",
            status if status.is_server_error() => "InternalServerError",
            _ => "BadRequestError",
        };
        Self { message: problem.to_string(), kind, param: problem.param(), code: status.as_u16() }
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    Reply::of(asked, answer, "rerank", Echoed::object)
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE);
    (status, ErrorBody { error: ErrorInfo::of(problem, status) })
}
