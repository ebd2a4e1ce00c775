//! Voyage, `POST /v1/rerank` with `top_k`: the ranking is called `data`.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Answered, Asked, Echo, ExplainField, Overlong};
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::Reasoning;

/// `POST /v1/rerank` of Voyage's clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "VoyageRequest")]
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
    top_k: Option<Count>,
    /// Whether documents are sent back.
    return_documents: Option<Flag>,
    /// Whether documents that are too long are cut (the default) or refused.
    truncation: Option<Flag>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VoyageReply")]
pub(crate) struct Reply {
    /// Always `list`.
    object: &'static str,
    /// The documents, best first.
    data: Vec<Item>,
    /// The student's name.
    model: String,
    /// What was read.
    usage: Usage,
    /// What is not as it was asked for; empty where everything is.
    warnings: Vec<String>,
}

/// One document of the answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VoyageItem")]
struct Item {
    /// Its index in the request.
    index: usize,
    /// Its score.
    relevance_score: f32,
    /// Its text, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    /// Why it stands there, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
}

/// What was read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VoyageUsage")]
struct Usage {
    /// Word pieces of query and documents together.
    total_tokens: usize,
}

/// What is said when a request is not answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VoyageError")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    detail: String,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        if self.top_k == Some(Count(0)) {
            return Err(Problem::invalid("top_k", "`top_k` is 0: ask for at least one result, or leave it out"));
        }
        let asked =
            Asked::of(self.query, self.documents)?.with_top_n(self.top_k)?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            echo: Echo::of(self.return_documents, Echo::No),
            overlong: Overlong::cut_unless_refused(self.truncation),
            model: self.model,
            ..asked
        })
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    let item = |answered: Answered| Item {
        index: answered.index,
        relevance_score: asked.scale.score(&answered.scored),
        document: (asked.echo == Echo::Texts).then(|| asked.list.documents[answered.index].text.clone()),
        reasoning: answered.reasoning.map(Reasoning::from),
    };
    Reply {
        object: "list",
        data: answer.results.into_iter().map(item).collect(),
        model: answer.model,
        usage: Usage { total_tokens: answer.tokens },
        warnings: answer.warnings,
    }
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS);
    (status, ErrorBody { detail: problem.to_string() })
}
