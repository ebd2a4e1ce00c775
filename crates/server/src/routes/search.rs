//! `POST /v1/search`: finds candidates in the index, ranks and explains them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use reason_to_rank::retrieval::Bm25Retriever;
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::stage::Retriever;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

use crate::app::{App, unix_seconds};
use crate::asked::{Answer, Answered, Asked, Delivery, ExplainField};
use crate::body::Room;
use crate::compute::Wishes;
use crate::compute::task::{Failed, List};
use crate::config::Limits;
use crate::dialects::{Dialect, json_response, to_json};
use crate::events::{Streamed, stream};
use crate::fields::{Count, Flag, Text};
use crate::json;
use crate::problem::Problem;
use crate::ranking::{Until, admit, explain, rank};
use crate::request::{Opened, Told, open, timing_headers};
use crate::shapes::{Reasoning, Usage};

/// Candidates that the first stage finds, unless the client says otherwise.
const DEPTH: usize = 100;
/// Results, unless the client says otherwise.
const TOP_N: usize = 10;

/// `POST /v1/search`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SearchRequest {
    /// The query.
    #[schemars(required)]
    query: Option<Text>,
    /// Candidates that BM25 finds and the student ranks; 100 where it is absent.
    depth: Option<Count>,
    /// How many of the best are wanted; 10 where it is absent.
    top_n: Option<Count>,
    /// Whether the best are explained.
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events.
    stream: Option<Flag>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchReply {
    /// `search-` and the request's id.
    id: String,
    /// Always `search`.
    object: &'static str,
    /// Seconds since 1970-01-01 UTC.
    created: u64,
    /// The student's name.
    model: String,
    /// The documents, best first.
    results: Vec<SearchItem>,
    /// Candidates that the first stage found.
    candidates: usize,
    /// What was read.
    usage: Usage,
    /// What is not as it was asked for; empty where everything is.
    warnings: Vec<String>,
}

/// A document that was found.
#[derive(Debug, Serialize, JsonSchema)]
struct SearchItem {
    /// Its index in the first stage's list.
    index: usize,
    /// Its name in the collection.
    id: String,
    /// The calibrated probability of relevance.
    relevance_score: f32,
    /// The raw score, by which documents are ordered.
    logit: f32,
    /// Its place in the first stage's list, from 1.
    retrieved_rank: usize,
    /// The first stage's score.
    retrieved_score: f32,
    /// The document.
    document: FoundDocument,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// Why it stands there; null where that was not asked for.
    reasoning: Option<Reasoning>,
}

/// A document of the collection.
#[derive(Debug, Serialize, JsonSchema)]
struct FoundDocument {
    /// Its name.
    id: String,
    /// Its title; empty where it has none.
    title: String,
    /// Its text.
    text: String,
}

/// What the first stage found.
struct Found {
    documents: Vec<Document>,
    scores: Vec<f32>,
}

/// Finds, ranks and explains.
pub(crate) async fn search(State(app): State<Arc<App>>, told: Told, request: Request) -> Response<Body> {
    match answer(&app, &told, request).await {
        Ok(response) => response,
        Err(problem) => told.refuse(Dialect::Jina, &problem),
    }
}

async fn answer(app: &Arc<App>, told: &Told, request: Request) -> Result<Response<Body>, Problem> {
    let service = app.service()?;
    let no_index = || Problem::NotFound("there is no index to search: start with r2r serve --index DIR".to_owned());
    let index = Arc::clone(service.index.as_ref().ok_or_else(no_index)?);
    let read = |bytes: &[u8], limits: &Limits| json::read::<SearchRequest>(json::text_of(bytes, limits)?);
    let Opened { read, deadline, mut room } = open(app, request, read).await?;
    let request = read?;
    let (query, depth) = request.query(&app.limits)?;

    // What the candidates cost is known when they are found: until then the request has a place in the queue.
    let place = service.compute.admit(&[], Wishes::default()).map_err(Problem::Full)?;
    let Found { documents, scores } = deadline.of(find(index, &service.searches, query.clone(), depth)).await??;
    drop(place);
    let bytes: usize = documents.iter().map(|document| document.title.len() + document.text.len()).sum();
    if bytes > app.limits.max_pending_bytes {
        let message = format!("{depth} candidates have {bytes} bytes: lower `depth`, or raise --max-pending-bytes");
        return Err(Problem::invalid("depth", message));
    }
    room.grow(&app.room, bytes)?;
    let asked = Asked::of_list(Arc::new(List { query, documents })).with_reasons(request.explain, request.stream);
    let asked = Asked { top_n: Some(request.top_n.map_or(TOP_N, |Count(n)| n)), ..asked };
    told.asks(&asked);
    if asked.list.documents.is_empty() {
        return nothing_found(app, &asked, service.compute.student().name(), told, deadline);
    }

    let admitted = admit(service, &asked)?;
    let mut ranked = rank(&admitted, &asked, told.id(), deadline, &app.metrics).await?;
    let (timing, tokens) = (ranked.timing, ranked.answer.tokens);
    let mut response = match asked.delivery {
        Delivery::Whole => {
            explain(&admitted, &asked, &mut ranked, deadline).await;
            json_response(StatusCode::OK, room.keep(to_json(&reply(&asked, &scores, ranked.answer))?))
        }
        Delivery::Events => {
            let warnings = ranked.answer.warnings.clone();
            let ranking = to_json(&reply(&asked, &scores, ranked.answer))?;
            let places = ranked.places;
            let reasons = admitted.explain(&asked.list, places.clone());
            stream(Streamed {
                ranking,
                places,
                reasons,
                warnings,
                tokens,
                deadline,
                room,
                told: told.clone(),
                metrics: Arc::clone(&app.metrics),
            })
        }
    };
    timing_headers(response.headers_mut(), &asked.list, tokens, timing, told.since());
    Ok(response)
}

/// The answer to a query of whose words no document has any.
fn nothing_found(
    app: &App,
    asked: &Asked,
    model: &str,
    told: &Told,
    deadline: Until,
) -> Result<Response<Body>, Problem> {
    let warnings = vec!["no document has a word of the query".to_owned()];
    let answer = Answer {
        id: told.id().to_owned(),
        created: unix_seconds(),
        model: model.to_owned(),
        results: Vec::new(),
        tokens: 0,
        warnings: warnings.clone(),
    };
    let ranking = to_json(&reply(asked, &[], answer))?;
    Ok(match asked.delivery {
        Delivery::Whole => json_response(StatusCode::OK, ranking),
        Delivery::Events => {
            let (places, reasons, room) = (Vec::new(), mpsc::unbounded_channel().1, Room::default());
            stream(Streamed {
                ranking,
                places,
                reasons,
                warnings,
                tokens: 0,
                deadline,
                room,
                told: told.clone(),
                metrics: Arc::clone(&app.metrics),
            })
        }
    })
}

impl SearchRequest {
    /// The query, and how many candidates are found.
    fn query(&self, limits: &Limits) -> Result<(String, usize), Problem> {
        let Text(query) = self.query.clone().ok_or_else(|| Problem::invalid("query", "`query` is missing"))?;
        if query.trim().is_empty() {
            return Err(Problem::invalid("query", "`query` cannot be empty"));
        }
        if query.chars().count() > limits.max_document_chars {
            let max = limits.max_document_chars;
            return Err(Problem::TooLong { message: format!("the query is longer than {max} characters") });
        }
        if self.top_n == Some(Count(0)) {
            return Err(Problem::invalid("top_n", "`top_n` is 0: ask for at least one result"));
        }
        let depth = self.depth.map_or(DEPTH, |Count(n)| n);
        if depth == 0 {
            return Err(Problem::invalid("depth", "`depth` is 0: nothing would be found"));
        }
        if depth > limits.max_documents {
            return Err(Problem::TooMany { given: depth, max: limits.max_documents });
        }
        Ok((query, depth))
    }
}

/// Finds candidates when it has its turn. Nothing is searched for who goes away before; a search that was begun keeps
/// its turn to its end, since nothing stops it.
async fn find(index: Arc<Bm25Retriever>, turns: &Arc<Semaphore>, text: String, depth: usize) -> Result<Found, Problem> {
    let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| Problem::Stopping)?;
    let finding = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        retrieve(&index, text, depth)
    });
    let found = finding.await.map_err(|_| Failed("the search failed; the log says where".to_owned()))?;
    Ok(found?)
}

fn retrieve(index: &Bm25Retriever, text: String, depth: usize) -> Result<Found, Failed> {
    let query = Arc::new(Query { id: "query".into(), text });
    let found = index.retrieve(&query, depth).map_err(|error| Failed(error.to_string()))?;
    let scores = found.list.iter().map(|candidate| candidate.score).collect();
    let documents = found.list.into_iter().map(|candidate| Arc::unwrap_or_clone(candidate.document)).collect();
    Ok(Found { documents, scores })
}

fn reply(asked: &Asked, scores: &[f32], answer: Answer) -> SearchReply {
    let item = |answered: Answered| {
        let document = &asked.list.documents[answered.index];
        SearchItem {
            index: answered.index,
            id: document.id.to_string(),
            relevance_score: answered.scored.probability,
            logit: answered.scored.logit,
            retrieved_rank: answered.index + 1,
            retrieved_score: scores[answered.index],
            document: FoundDocument {
                id: document.id.to_string(),
                title: document.title.clone(),
                text: document.text.clone(),
            },
            truncated: answered.scored.truncated,
            reasoning: answered.reasoning.map(Reasoning::from),
        }
    };
    SearchReply {
        id: format!("search-{}", answer.id),
        object: "search",
        created: answer.created,
        model: answer.model,
        results: answer.results.into_iter().map(item).collect(),
        candidates: asked.list.documents.len(),
        usage: Usage::of(answer.tokens),
        warnings: answer.warnings,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use reason_to_rank::retrieval::{Bm25, Searcher, build};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_search_waits_for_its_turn_and_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("index");
        let document = Document { id: "d".into(), title: String::new(), text: "Lava cools.".to_owned() };
        build([Ok::<_, io::Error>(document)].into_iter(), &place, &mut |_| {}).unwrap();
        let searcher = Arc::new(Searcher::open(&place).unwrap());
        let index = Arc::new(Bm25Retriever { searcher, bm25: Bm25::default() });

        let turns = Arc::new(Semaphore::new(1));
        let turn = turns.acquire().await.unwrap();
        let impatient = find(Arc::clone(&index), &turns, "lava".to_owned(), 5);
        assert!(timeout(Duration::from_millis(20), impatient).await.is_err(), "two searches had one turn");
        drop(turn);
        let found = find(index, &turns, "lava".to_owned(), 5).await.unwrap();
        assert_eq!((found.documents.len(), turns.available_permits()), (1, 1));
    }
}
