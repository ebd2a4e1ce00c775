//! text-embeddings-inference (version 1.9): `texts` in, a bare list out.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Answered, Asked, Echo, ExplainField, Overlong, Scale};
use crate::fields::{Count, Flag, Passages, Text};
use crate::problem::Problem;
use crate::shapes::Reasoning;
use crate::truncation::Side;

/// `POST /rerank` with `texts`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "TeiRequest")]
pub(crate) struct Request {
    /// The query.
    #[schemars(required)]
    query: Option<Text>,
    /// The texts to rank.
    #[schemars(required)]
    texts: Option<Passages>,
    /// Whether texts that are too long are cut (the default) or refused.
    truncate: Option<Flag>,
    /// Only `right`: the student reads a text from its beginning.
    truncation_direction: Option<Side>,
    /// Whether raw scores are told instead of probabilities.
    raw_scores: Option<Flag>,
    /// Whether texts are sent back.
    return_text: Option<Flag>,
    /// How many of the best are wanted; all where it is 0 or absent. Not TEI's own: some of its clients send it.
    top_n: Option<Count>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// One text of the answer, best first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TeiRank")]
pub(crate) struct Rank {
    /// Its index in the request.
    index: usize,
    /// Its score.
    score: f32,
    /// The text, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Why it stands there, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
}

/// What is said when a request is not answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TeiError")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    error: String,
    /// The kind of it.
    error_type: &'static str,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        Side::check(self.truncation_direction, "truncation_direction")?;
        let texts = self.texts.ok_or_else(|| Problem::invalid("texts", "`texts` is missing"))?;
        let asked = Asked::of(self.query, Some(texts))?.with_reasons(self.explain, self.stream);
        Ok(Asked {
            top_n: self.top_n.map(|Count(n)| n).filter(|&n| n > 0),
            overlong: Overlong::cut_unless_refused(self.truncate),
            scale: Scale::raw_if(self.raw_scores),
            echo: Echo::of(self.return_text, Echo::No),
            ..asked
        })
    }
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Vec<Rank> {
    let rank = |answered: Answered| Rank {
        index: answered.index,
        score: asked.scale.score(&answered.scored),
        text: (asked.echo == Echo::Texts).then(|| asked.list.documents[answered.index].text.clone()),
        reasoning: answered.reasoning.map(Reasoning::from),
    };
    answer.results.into_iter().map(rank).collect()
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let standard = problem.status(StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS);
    let (status, error_type) = match problem {
        Problem::Empty { .. } => (StatusCode::BAD_REQUEST, "Empty"),
        Problem::NotJson(_)
        | Problem::Invalid { .. }
        | Problem::TooMany { .. }
        | Problem::BodyTooLarge { .. }
        | Problem::SlowBody { .. }
        | Problem::Unauthorized
        | Problem::NotFound(_)
        | Problem::Method(_) => (standard, "Validation"),
        Problem::TooLong { .. } => (standard, "Tokenizer"),
        Problem::Full(_) => (standard, "Overloaded"),
        Problem::Late { .. } => (standard, "Backend"),
        Problem::Loading | Problem::Stopping => (standard, "Unhealthy"),
        Problem::Failed(_) => (StatusCode::FAILED_DEPENDENCY, "Backend"),
    };
    (status, ErrorBody { error: problem.to_string(), error_type })
}
