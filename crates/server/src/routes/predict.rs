//! `POST /predict`, as text-embeddings-inference has it: scores of pairs of texts, in the order of the request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use reason_to_rank::types::document::Document;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::asked::{Overlong, Scale};
use crate::compute::task::List;
use crate::config::Limits;
use crate::dialects::{Dialect, json_response, to_json};
use crate::fields::Flag;
use crate::json;
use crate::problem::Problem;
use crate::request::{Opened, Told, open};
use crate::routes::pairs;
use crate::truncation::Truncation;

/// `POST /predict`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PredictRequest {
    /// A pair of query and text, or a list of pairs.
    inputs: Inputs,
    /// Whether texts that are too long are cut (the default) or refused.
    truncate: Option<Flag>,
    /// Whether raw scores are told instead of probabilities.
    raw_scores: Option<Flag>,
}

/// Pairs of query and text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "`inputs` is a pair of texts, or a list of pairs: the student scores a query with a text"
)]
enum Inputs {
    /// One pair.
    Pair([String; 2]),
    /// Pairs.
    Pairs(Vec<[String; 2]>),
}

/// The prediction for a pair: one label with its score.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Prediction {
    /// The score.
    score: f32,
    /// Always `LABEL_0`.
    label: &'static str,
}

/// The answer: one list of labels, or one for each pair.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Predictions {
    /// For one pair.
    One([Prediction; 1]),
    /// For several.
    Many(Vec<[Prediction; 1]>),
}

/// Pairs as lists of one document each.
struct Pairs {
    lists: Vec<Arc<List>>,
    is_single: bool,
    scale: Scale,
    overlong: Overlong,
}

impl PredictRequest {
    fn pairs(self) -> Pairs {
        let (pairs, is_single) = match self.inputs {
            Inputs::Pair(pair) => (vec![pair], true),
            Inputs::Pairs(pairs) => (pairs, false),
        };
        let list = |[query, text]: [String; 2]| {
            let document = Document { id: "0".into(), title: String::new(), text };
            Arc::new(List { query, documents: vec![document] })
        };
        Pairs {
            lists: pairs.into_iter().map(list).collect(),
            is_single,
            scale: Scale::raw_if(self.raw_scores),
            overlong: Overlong::cut_unless_refused(self.truncate),
        }
    }
}

/// The pairs of a body, within limits.
fn read(bytes: &[u8], limits: &Limits) -> Result<Pairs, Problem> {
    let pairs = json::read::<PredictRequest>(json::text_of(bytes, limits)?)?.pairs();
    if pairs.lists.is_empty() {
        return Err(Problem::Empty { field: "inputs" });
    }
    pairs::check(&pairs.lists, limits, "inputs")?;
    Ok(pairs)
}

/// Scores pairs.
pub(crate) async fn predict(State(app): State<Arc<App>>, told: Told, request: Request) -> Response<Body> {
    told.speaks(Dialect::Tei);
    match answer(&app, &told, request).await {
        Ok(response) => response,
        Err(problem) => told.refuse(Dialect::Tei, &problem),
    }
}

async fn answer(app: &Arc<App>, told: &Told, request: Request) -> Result<Response<Body>, Problem> {
    let service = app.service()?;
    let Opened { read, deadline, room: _room } = open(app, request, read).await?;
    let Pairs { lists, is_single, scale, overlong } = read?;
    let (scores, warnings) = pairs::score(app, lists, Truncation::default(), told, deadline).await?;
    if overlong == Overlong::Refuse
        && let Some(index) = scores.scored.iter().position(|one| one.truncated)
    {
        let most = service.compute.student().engine().config().max_length;
        return Err(Problem::TooLong {
            message: format!("pair {index} is longer than {most} tokens; allow it to be cut"),
        });
    }
    let mut predictions = scores.scored.iter().map(|one| [Prediction { score: scale.score(one), label: "LABEL_0" }]);
    let answer = match (is_single, predictions.next()) {
        (true, Some(only)) => Predictions::One(only),
        (_, first) => Predictions::Many(first.into_iter().chain(predictions).collect()),
    };
    let mut response = json_response(StatusCode::OK, to_json(&answer)?);
    // A bare list has no place for them.
    if let Ok(warnings) = HeaderValue::from_str(&warnings.join("; "))
        && !warnings.is_empty()
    {
        response.headers_mut().insert("x-r2r-warnings", warnings);
    }
    Ok(response)
}
