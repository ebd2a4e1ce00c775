//! `POST /score` and `/v1/score`, as vLLM has them: scores of pairs, in the order of the request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use reason_to_rank::inference::Scored;
use reason_to_rank::types::document::Document;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{App, unix_seconds};
use crate::asked::{Scale, documents_of};
use crate::compute::task::List;
use crate::config::Limits;
use crate::dialects::vllm::{PromptTokens, not_followed, raw_unless, truncation};
use crate::dialects::{Dialect, json_response, to_json};
use crate::fields::{Count, Flag, Passages};
use crate::json;
use crate::problem::Problem;
use crate::request::{Opened, Told, open};
use crate::routes::pairs;
use crate::truncation::{Side, Truncation};

/// `POST /score`: one query with many documents, or as many queries as documents.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ScoreRequest {
    /// A query, or queries; also called `queries` or `data_1`.
    #[serde(alias = "queries", alias = "data_1")]
    #[schemars(required)]
    text_1: Option<Passages>,
    /// A document, or documents; also called `documents`, `items` or `data_2`.
    #[serde(alias = "documents", alias = "items", alias = "data_2")]
    #[schemars(required)]
    text_2: Option<Passages>,
    /// Word pieces of query and document together that are read at most; -1 is as many as the student can.
    truncate_prompt_tokens: Option<PromptTokens>,
    /// Only `right`: the student reads a text from its beginning.
    truncation_side: Option<Side>,
    /// Word pieces of a query that are read at most; 0 is as many as the student can.
    max_tokens_per_query: Option<Count>,
    /// Word pieces of a document that are read at most; 0 is as many as the student can.
    max_tokens_per_doc: Option<Count>,
    /// Whether scores are probabilities (the default) or raw.
    use_activation: Option<Flag>,
    /// The former name of `use_activation`.
    activation: Option<Flag>,
    /// Not followed, which a warning says: the student reads query and document only.
    instruction: Option<String>,
}

/// The scores.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ScoreReply {
    /// `score-` and the request's id.
    id: String,
    /// Always `list`.
    object: &'static str,
    /// Seconds since 1970-01-01 UTC.
    created: u64,
    /// The student's name.
    model: String,
    /// One for each pair, in the order of the request.
    data: Vec<ScoreItem>,
    /// What was read.
    usage: ScoreUsage,
    /// What is not as it was asked for; empty where everything is.
    warnings: Vec<String>,
}

/// The score of a pair.
#[derive(Debug, Serialize, JsonSchema)]
struct ScoreItem {
    /// The pair's index in the request.
    index: usize,
    /// Always `score`.
    object: &'static str,
    /// The score.
    score: f32,
    /// The raw score.
    logit: f32,
}

/// What was read, as vLLM says it.
#[derive(Debug, Serialize, JsonSchema)]
struct ScoreUsage {
    /// Word pieces of queries and documents together.
    prompt_tokens: usize,
    /// The same.
    total_tokens: usize,
    /// Always 0.
    completion_tokens: usize,
    /// Always null.
    prompt_tokens_details: Option<usize>,
}

/// Pairs as lists of one query each, how much of them is read, which scores are told, and what is not done.
struct Pairs {
    lists: Vec<Arc<List>>,
    truncation: Truncation,
    scale: Scale,
    warnings: Vec<String>,
}

impl ScoreRequest {
    /// The pairs: one query with all documents, or the n-th with the n-th.
    fn pairs(self) -> Result<Pairs, Problem> {
        let queries = documents("text_1", self.text_1)?;
        let documents = documents("text_2", self.text_2)?;
        Side::check(self.truncation_side, "truncation_side")?;
        let (n_queries, n_documents) = (queries.len(), documents.len());
        if n_queries != 1 && n_queries != n_documents {
            let message =
                format!("{n_queries} queries and {n_documents} documents: give one query, or as many as documents");
            return Err(Problem::invalid("text_1", message));
        }
        let mut queries = queries.into_iter().map(|query| query.text);
        let lists = if n_queries == 1 {
            vec![Arc::new(List { query: queries.next().unwrap_or_default(), documents })]
        } else {
            queries.zip(documents).map(|(query, one)| Arc::new(List { query, documents: vec![one] })).collect()
        };
        Ok(Pairs {
            lists,
            truncation: truncation(self.truncate_prompt_tokens, self.max_tokens_per_query, self.max_tokens_per_doc)?,
            scale: raw_unless(self.use_activation.or(self.activation)),
            warnings: not_followed(self.instruction),
        })
    }
}

/// The queries or documents of a field.
fn documents(field: &'static str, passages: Option<Passages>) -> Result<Vec<Document>, Problem> {
    let Passages(passages) = passages
        .ok_or_else(|| Problem::invalid(field, format!("`{field}` is missing: give a text or a list of texts")))?;
    if passages.is_empty() {
        return Err(Problem::Empty { field });
    }
    documents_of(field, passages)
}

/// The pairs of a body, within limits.
fn read(bytes: &[u8], limits: &Limits) -> Result<Pairs, Problem> {
    let pairs = json::read::<ScoreRequest>(json::text_of(bytes, limits)?)?.pairs()?;
    pairs::check(&pairs.lists, limits, "text_2")?;
    Ok(pairs)
}

/// Scores pairs.
pub(crate) async fn score(State(app): State<Arc<App>>, told: Told, request: Request) -> Response<Body> {
    told.speaks(Dialect::Vllm);
    match answer(&app, &told, request).await {
        Ok(response) => response,
        Err(problem) => told.refuse(Dialect::Vllm, &problem),
    }
}

async fn answer(app: &Arc<App>, told: &Told, request: Request) -> Result<Response<Body>, Problem> {
    let service = app.service()?;
    let Opened { read, deadline, room: _room } = open(app, request, read).await?;
    let Pairs { lists, truncation, scale, mut warnings } = read?;
    let (scores, of_scores) = pairs::score(app, lists, truncation, told, deadline).await?;
    warnings.extend(of_scores);
    let item = |(index, one): (usize, &Scored)| ScoreItem {
        index,
        object: "score",
        score: scale.score(one),
        logit: one.logit,
    };
    let reply = ScoreReply {
        id: format!("score-{}", told.id()),
        object: "list",
        created: unix_seconds(),
        model: service.compute.student().name().to_owned(),
        data: scores.scored.iter().enumerate().map(item).collect(),
        usage: ScoreUsage {
            prompt_tokens: scores.tokens,
            total_tokens: scores.tokens,
            completion_tokens: 0,
            prompt_tokens_details: None,
        },
        warnings,
    };
    Ok(json_response(StatusCode::OK, to_json(&reply)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn pairs_are_one_to_many_or_one_to_one() {
        let sizes = |request: serde_json::Value| {
            let pairs = from_value::<ScoreRequest>(request).unwrap().pairs();
            pairs.map(|pairs| pairs.lists.iter().map(|list| list.documents.len()).collect::<Vec<_>>())
        };
        assert_eq!(sizes(json!({"text_1": "q", "text_2": "d"})), Ok(vec![1]));
        assert_eq!(sizes(json!({"queries": "q", "documents": ["a", {"text": "b"}]})), Ok(vec![2]));
        assert_eq!(sizes(json!({"data_1": ["p", "q"], "data_2": ["a", "b"]})), Ok(vec![1, 1]));
        for wrong in [
            json!({"text_1": ["p", "q"], "text_2": ["a", "b", "c"]}),
            json!({"text_1": "q"}),
            json!({"text_1": "q", "text_2": []}),
            json!({"text_1": "q", "text_2": [{"image": "x"}]}),
        ] {
            assert!(sizes(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
