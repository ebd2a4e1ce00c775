//! `POST /v1/explain`: why one document stands above another, or what a single one answers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use reason_to_rank::inference::Scored;
use reason_to_rank::types::document::Document;
use reason_to_rank::types::reasoning::Stands;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::asked::{Asked, ExplainWish};
use crate::compute::task::Place;
use crate::config::Limits;
use crate::dialects::{Dialect, json_response, to_json};
use crate::fields::{Passages, Text, Which};
use crate::json;
use crate::problem::Problem;
use crate::ranking::{admit, next_reason, rank};
use crate::request::{Opened, Told, open};
use crate::shapes::Reasoning;

/// `POST /v1/explain`: `documents` with `above` and `below`, or a single `document`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ExplainRequest {
    /// The query.
    #[schemars(required)]
    query: Option<Text>,
    /// The documents that were ranked.
    documents: Option<Passages>,
    /// The document that stands above: its id or its index.
    above: Option<Which>,
    /// The document that stands below: its id or its index.
    below: Option<Which>,
    /// A single document, to explain by itself.
    document: Option<Passages>,
}

/// Why one document stands above another.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExplainReply {
    /// The query.
    query: String,
    /// The student's name.
    model: String,
    /// The document that really stands above.
    above: Explained,
    /// The document that really stands below.
    below: Explained,
    /// Why, in words.
    text: String,
    /// Whether the order is the one that was asked about; where it is not, `above` and `below` have changed places.
    agrees: bool,
    /// What is not as it was asked for; empty where everything is.
    warnings: Vec<String>,
}

/// What a single document answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SingleReply {
    /// The query.
    query: String,
    /// The student's name.
    model: String,
    /// The document.
    document: Explained,
    /// How it answers the query.
    text: String,
    /// What is not as it was asked for; empty where everything is.
    warnings: Vec<String>,
}

/// A document with its place and its reasons.
#[derive(Debug, Serialize, JsonSchema)]
struct Explained {
    /// Its index in the request.
    index: usize,
    /// Its id: the client's, or its index.
    id: String,
    /// Its rank, from 1.
    rank: usize,
    /// The calibrated probability of relevance.
    relevance_score: f32,
    /// The raw score.
    logit: f32,
    /// Why it stands there.
    reasoning: Reasoning,
}

/// What is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Why the first stands above the second, by index.
    Pair(usize, usize),
    /// The only document.
    Single,
}

/// Explains one document or two.
pub(crate) async fn explain(State(app): State<Arc<App>>, told: Told, request: Request) -> Response<Body> {
    match answer(&app, &told, request).await {
        Ok(response) => response,
        Err(problem) => told.refuse(Dialect::Jina, &problem),
    }
}

async fn answer(app: &Arc<App>, told: &Told, request: Request) -> Result<Response<Body>, Problem> {
    let service = app.service()?;
    let read = |bytes: &[u8], limits: &Limits| json::read::<ExplainRequest>(json::text_of(bytes, limits)?)?.asked();
    let Opened { read, deadline, room } = open(app, request, read).await?;
    let (asked, subject) = read?;
    asked.check(&app.limits, "documents")?;
    told.asks(&asked);

    let admitted = admit(service, &asked)?;
    let ranked = rank(&admitted, &asked, told.id(), deadline, &app.metrics).await?;
    let answer = ranked.answer;
    let placed = |index: usize| {
        let rank = answer.results.iter().position(|answered| answered.index == index).unwrap_or_default();
        (rank, answer.results[rank].scored)
    };
    let documents = &asked.list.documents;
    let mut warnings = answer.warnings.clone();
    let (places, agrees) = match subject {
        Subject::Single => (vec![Place { document: 0, logit: placed(0).1.logit, neighbor: None }], true),
        Subject::Pair(above, below) => {
            let agrees = placed(above).0 < placed(below).0;
            let (first, second) = if agrees { (above, below) } else { (below, above) };
            if !agrees {
                warnings.push(other_way_round(&documents[above], placed(above), &documents[below], placed(below)));
            }
            let place = |document: usize, other: usize, stands| Place {
                document,
                logit: placed(document).1.logit,
                neighbor: Some((other, stands)),
            };
            (vec![place(first, second, Stands::Above), place(second, first, Stands::Below)], agrees)
        }
    };
    let mut reasons = admitted.explain(&asked.list, places.clone());
    let mut explained = Vec::with_capacity(places.len());
    for place in &places {
        let reasoning = next_reason(&mut reasons, deadline).await?;
        let (rank, scored) = placed(place.document);
        explained.push(Explained {
            index: place.document,
            id: documents[place.document].id.to_string(),
            rank: rank + 1,
            relevance_score: scored.probability,
            logit: scored.logit,
            reasoning: reasoning.into(),
        });
    }
    let (query, model) = (asked.list.query.clone(), answer.model);
    let mut explained = explained.into_iter();
    let json = match (explained.next(), explained.next()) {
        (Some(above), Some(below)) => {
            let text = above.reasoning.comparison.text.clone();
            to_json(&ExplainReply { query, model, above, below, text, agrees, warnings })?
        }
        (Some(document), None) => {
            let text = document.reasoning.direct.clone();
            to_json(&SingleReply { query, model, document, text, warnings })?
        }
        (None, _) => return Err(Problem::Stopping),
    };
    Ok(json_response(StatusCode::OK, room.keep(json)))
}

impl ExplainRequest {
    /// The documents, and which of them are explained.
    fn asked(self) -> Result<(Asked, Subject), Problem> {
        let (documents, is_single) = match (self.documents, self.document) {
            (Some(documents), None) => (documents, false),
            (None, Some(document)) => (document, true),
            (Some(_), Some(_)) => {
                return Err(Problem::invalid(
                    "document",
                    "both `document` and `documents` are given; give one of them",
                ));
            }
            (None, None) => {
                return Err(Problem::invalid(
                    "documents",
                    "give `documents` with `above` and `below`, or one `document`",
                ));
            }
        };
        let asked = Asked::of(self.query, Some(documents))?;
        if is_single {
            if asked.list.documents.len() != 1 {
                return Err(Problem::invalid("document", "`document` is a single one; give several as `documents`"));
            }
            let explain = Some(ExplainWish { top: 1, comparison: false });
            return Ok((Asked { explain, ..asked }, Subject::Single));
        }
        let above = index_of("above", self.above.as_ref(), &asked.list.documents)?;
        let below = index_of("below", self.below.as_ref(), &asked.list.documents)?;
        if above == below {
            return Err(Problem::invalid("below", "`above` and `below` name the same document"));
        }
        let explain = Some(ExplainWish { top: 2, comparison: true });
        Ok((Asked { explain, ..asked }, Subject::Pair(above, below)))
    }
}

/// The index of a document that is named by its id or its index.
fn index_of(field: &'static str, which: Option<&Which>, documents: &[Document]) -> Result<usize, Problem> {
    let by_index = |index: usize| (index < documents.len()).then_some(index);
    let found = match which {
        None => return Err(Problem::invalid(field, format!("`{field}` is missing: give a document's id or index"))),
        Some(Which::Index(index)) => by_index(*index),
        Some(Which::Id(id)) => {
            let by_id = documents.iter().position(|document| document.id.as_str() == id);
            by_id.or_else(|| id.parse().ok().and_then(by_index))
        }
    };
    found.ok_or_else(|| Problem::invalid(field, format!("`{field}` names none of the {} documents", documents.len())))
}

/// What is said where the order is not the one that was asked about.
fn other_way_round(above: &Document, at: (usize, Scored), below: &Document, below_at: (usize, Scored)) -> String {
    format!(
        "{} does not stand above {}: it ranks {} with {:.3}, and {} ranks {} with {:.3}",
        above.id,
        below.id,
        at.0 + 1,
        at.1.probability,
        below.id,
        below_at.0 + 1,
        below_at.1.probability
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn subject(request: serde_json::Value) -> Result<Subject, Problem> {
        from_value::<ExplainRequest>(request).unwrap().asked().map(|(_, subject)| subject)
    }

    #[test]
    fn documents_are_named_by_id_or_index() {
        let documents = json!([{"id": "x", "text": "a"}, {"id": "0", "text": "b"}, "c"]);
        let pair = |above: serde_json::Value, below: serde_json::Value| {
            subject(json!({"query": "q", "documents": documents, "above": above, "below": below}))
        };
        assert_eq!(pair(json!("x"), json!(2)), Ok(Subject::Pair(0, 2)));
        // An id counts before an index, and a number is always an index.
        assert_eq!(pair(json!("0"), json!("2")), Ok(Subject::Pair(1, 2)));
        assert_eq!(pair(json!(0), json!(1)), Ok(Subject::Pair(0, 1)));
        for (above, below) in
            [(json!("y"), json!(0)), (json!(3), json!(0)), (json!(0), json!("x")), (json!(0), json!(null))]
        {
            assert!(pair(above.clone(), below.clone()).is_err(), "{above} {below}");
        }
    }

    #[test]
    fn a_single_document_stands_for_itself() {
        assert_eq!(subject(json!({"query": "q", "document": "a"})), Ok(Subject::Single));
        for wrong in [
            json!({"query": "q"}),
            json!({"query": "q", "document": ["a", "b"]}),
            json!({"query": "q", "document": "a", "documents": ["b"]}),
        ] {
            assert!(subject(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
