//! vLLM, `/rerank`, `/v1/rerank` and `/v2/rerank`: documents are always sent back, 0 results are all.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Asked, Echo, ExplainField, Scale};
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::{Echoed, Reply};
use crate::truncation::{LEAST_PAIR, Side, Truncation};

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
    /// Word pieces of query and document together that are read at most; -1 is as many as the student can.
    truncate_prompt_tokens: Option<PromptTokens>,
    /// Only `right`: the student reads a text from its beginning.
    truncation_side: Option<Side>,
    /// Word pieces of the query that are read at most; 0 is as many as the student can.
    max_tokens_per_query: Option<Count>,
    /// Word pieces of each document that are read at most; 0 is as many as the student can.
    max_tokens_per_doc: Option<Count>,
    /// Whether scores are probabilities (the default) or raw.
    use_activation: Option<Flag>,
    /// The former name of `use_activation`.
    activation: Option<Flag>,
    /// Not followed, which a warning says: the student reads query and document only.
    instruction: Option<String>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// Word pieces that are read at most, or -1.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`truncate_prompt_tokens` is a whole number, -1 or more")]
#[schemars(rename = "VllmPromptTokens")]
pub(crate) enum PromptTokens {
    /// So many.
    Most(Count),
    /// -1: as many as the student can.
    Signed(i64),
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
        Side::check(self.truncation_side, "truncation_side")?;
        let asked = Asked::of(self.query, self.documents)?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            top_n: not_zero(self.top_n),
            truncation: truncation(self.truncate_prompt_tokens, self.max_tokens_per_query, self.max_tokens_per_doc)?,
            scale: raw_unless(self.use_activation.or(self.activation)),
            echo: Echo::Texts,
            model: self.model,
            warnings: not_followed(self.instruction),
            ..asked
        })
    }
}

/// How much is read: of query and document together, of the query, of each document.
pub(crate) fn truncation(
    pair: Option<PromptTokens>,
    query: Option<Count>,
    document: Option<Count>,
) -> Result<Truncation, Problem> {
    let pair = match pair {
        None | Some(PromptTokens::Signed(-1)) => None,
        Some(PromptTokens::Most(Count(most))) if most >= LEAST_PAIR => Some(most),
        Some(PromptTokens::Most(_) | PromptTokens::Signed(_)) => {
            let message =
                format!("`truncate_prompt_tokens` is too small for a pair: give -1, or at least {LEAST_PAIR}");
            return Err(Problem::invalid("truncate_prompt_tokens", message));
        }
    };
    Ok(Truncation { query: not_zero(query), document: not_zero(document), pair })
}

/// What is said of an instruction.
pub(crate) fn not_followed(instruction: Option<String>) -> Vec<String> {
    let warning = |_| "`instruction` was not followed: the student reads query and document only".to_owned();
    instruction.filter(|instruction| !instruction.is_empty()).map(warning).into_iter().collect()
}

fn not_zero(count: Option<Count>) -> Option<usize> {
    count.map(|Count(n)| n).filter(|&n| n > 0)
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
