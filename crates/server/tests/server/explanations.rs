//! The reasons are the library's own, whether they come with the answer, one by one, or for two documents.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use r2r_server::config::{Limits, ServerConfig};
use reason_to_rank::results::QueryResults;
use reason_to_rank::types::candidates::{Candidate, Candidates};
use reason_to_rank::types::document::Query;
use reason_to_rank::types::stage::Reasons;
use serde_json::{Value, json};

use crate::running::{Running, Who, documents, indices, many};

const QUERY: &str = "how do volcanic rocks form";
const TEXTS: [&str; 5] = [
    "Bread is made of flour and water. It is baked.",
    "Volcanic rocks form when lava cools. The rock is dark.",
    "Lava cools fast. Rocks form.",
    "No water flows here. Rivers do.",
    "A river carries sand to the sea.",
];

/// What `r2r rerank --json` prints.
fn expected(reasons: Reasons, shown: usize) -> Value {
    let student = Who::Small.open();
    let list = documents(&TEXTS).into_iter().map(|document| Candidate { document: document.into(), score: 0.0 });
    let query = Query { id: "query".into(), text: QUERY.to_owned() };
    let candidates = Candidates { query: query.into(), list: list.collect() };
    let ranking = student.reranker().rerank_shown(&candidates, reasons, shown).unwrap();
    let results = QueryResults::of(&student, &candidates, &ranking, shown).unwrap();
    // Through text, as the command prints it: numbers are 32-bit floats there.
    serde_json::from_str::<Value>(&serde_json::to_string(&results).unwrap()).unwrap()["results"].clone()
}

#[track_caller]
fn check(results: &Value, expected: &Value) {
    assert_eq!(results.as_array().unwrap().len(), expected.as_array().unwrap().len());
    for (result, expected) in results.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
        assert_eq!(result["index"].to_string(), expected["id"].as_str().unwrap());
        assert_eq!(result["reasoning"], expected["reasoning"]);
    }
}

#[tokio::test]
async fn reasons_are_those_of_the_command_line() {
    let server = Running::small().await;
    let body = json!({"query": QUERY, "documents": TEXTS, "explain": true});
    check(&server.post("/v1/rerank", &body).await.ok()["results"], &expected(Reasons::Top(10), 5));
    // Only what is shown is compared.
    let body = json!({"query": QUERY, "documents": TEXTS, "explain": {"top": 2}, "top_n": 3});
    check(&server.post("/v2/rerank", &body).await.ok()["results"], &expected(Reasons::Top(2), 3));
    let body = json!({"query": QUERY, "texts": TEXTS, "explain": "true"});
    let list = server.post("/rerank", &body).await.ok();
    check(&list, &expected(Reasons::Top(5), 5));
    let body = json!({"query": QUERY, "documents": TEXTS, "explain": {"top": 1, "comparison": false}});
    let results = server.post("/v1/rerank", &body).await.ok()["results"].clone();
    let whole = expected(Reasons::Top(1), 5);
    assert_eq!(results[0]["reasoning"]["direct"], whole[0]["reasoning"]["direct"]);
    assert_eq!(results[0]["reasoning"]["comparison"], json!({"text": "", "against": []}));
    assert_eq!(results[1]["reasoning"], Value::Null);
}

#[tokio::test]
async fn documents_are_called_by_their_names() {
    let server = Running::small().await;
    let named = json!([{"id": "lava", "text": TEXTS[1]}, {"id": "bread", "text": TEXTS[0]}]);
    let body = json!({"query": QUERY, "documents": named, "explain": true});
    let body = server.post("/v1/rerank", &body).await.ok();
    let against = &body["results"][0]["reasoning"]["comparison"];
    let other = if body["results"][0]["index"] == 0 { "bread" } else { "lava" };
    assert_eq!(against["against"], json!([{"id": other, "stands": "above"}]));
    assert!(against["text"].as_str().unwrap().starts_with(&format!("Ranks above {other}")), "{against}");
}

/// The events of a stream: names and data.
async fn events(server: &Running, path: &str, body: &Value) -> Vec<(String, Value)> {
    let response = server.client.post(server.url(path)).json(body).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let read = |block: &str| {
        let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Some((line("event:")?.to_owned(), serde_json::from_str(line("data:")?).unwrap()))
    };
    text.split("\n\n").filter_map(read).collect()
}

#[tokio::test]
async fn a_stream_tells_the_ranking_then_each_reason() {
    let server = Running::small().await;
    let asked = json!({"query": QUERY, "documents": TEXTS, "explain": {"top": 3}, "stream": true});
    let events = events(&server, "/v1/rerank", &asked).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ranking", "reasoning", "reasoning", "reasoning", "done"]);
    let whole =
        server.post("/v1/rerank", &json!({"query": QUERY, "documents": TEXTS, "explain": {"top": 3}})).await.ok();
    let ranking = &events[0].1["results"];
    assert_eq!(indices(ranking), indices(&whole["results"]));
    assert!(ranking.as_array().unwrap().iter().all(|result| result["reasoning"].is_null()));
    for (rank, (_, event)) in events[1..4].iter().enumerate() {
        assert_eq!(event["rank"], rank + 1);
        assert_eq!(event["index"], whole["results"][rank]["index"]);
        assert_eq!(event["reasoning"], whole["results"][rank]["reasoning"]);
    }
    assert_eq!(events[4].1, json!({"warnings": [], "usage": whole["usage"]}));
    assert_eq!(server.metric("r2r_abandoned_total").await, 0.0, "it was read to its end");
}

#[tokio::test]
async fn a_stream_without_reasons_is_a_ranking() {
    let server = Running::small().await;
    let events = events(&server, "/rerank", &json!({"query": QUERY, "documents": TEXTS, "stream": "true"})).await;
    assert_eq!(events.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ranking", "done"]);
}

#[tokio::test]
async fn a_stream_begins_with_the_answer_of_its_dialect() {
    let server = Running::small().await;
    for (path, documents, own, place) in [
        ("/rerank", "texts", "raw_scores", ""),
        ("/v1/rerank", "documents", "top_k", "/data"),
        ("/rerank", "documents", "cache_salt", "/results"),
        ("/rerank", "documents", "raw_scores", "/results"),
        ("/v2/rerank", "documents", "model", "/results"),
        ("/v1/rerank", "documents", "rank_fields", "/results"),
        ("/reranking", "documents", "model", "/results"),
    ] {
        let mut asked = json!({"query": QUERY, documents: TEXTS, own: null, "explain": {"top": 1}});
        let whole = server.post(path, &asked).await.ok();
        asked["stream"] = json!(true);
        let events = events(&server, path, &asked).await;
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ranking", "reasoning", "done"], "{path} {own}");
        let list = |answer: &Value| indices(answer.pointer(place).unwrap());
        assert_eq!((list(&events[0].1), list(&whole).len()), (list(&whole), TEXTS.len()), "{path} {own}");
        let first = whole.pointer(place).unwrap()[0].clone();
        assert_eq!(events[1].1, json!({"index": first["index"], "rank": 1, "reasoning": first["reasoning"]}));
    }
}

#[tokio::test]
async fn one_document_stands_above_another_for_a_reason() {
    let server = Running::small().await;
    let order = expected(Reasons::None, 5);
    let place = |rank: usize| order[rank]["id"].as_str().unwrap().parse::<usize>().unwrap();
    let (best, worst) = (place(0), place(4));
    let ask = |above: usize, below: usize| json!({"query": QUERY, "documents": TEXTS, "above": above, "below": below.to_string()});
    let body = server.post("/v1/explain", &ask(best, worst)).await.ok();
    assert_eq!((&body["agrees"], &body["above"]["rank"], &body["below"]["rank"]), (&json!(true), &json!(1), &json!(5)));
    assert_eq!(body["above"]["index"], best);
    assert_eq!(body["text"], body["above"]["reasoning"]["comparison"]["text"]);
    let against = json!([{"id": worst.to_string(), "stands": "above"}]);
    assert_eq!(body["above"]["reasoning"]["comparison"]["against"], against);

    let turned = server.post("/v1/explain", &ask(worst, best)).await.ok();
    assert_eq!((&turned["agrees"], &turned["above"], &turned["text"]), (&json!(false), &body["above"], &body["text"]));
    assert!(turned["warnings"][0].as_str().unwrap().contains("does not stand above"));
}

#[tokio::test]
async fn a_single_document_is_explained_by_itself() {
    let server = Running::small().await;
    let body = server.post("/v1/explain", &json!({"query": QUERY, "document": TEXTS[1]})).await.ok();
    let reasoning = &body["document"]["reasoning"];
    assert_eq!((&body["document"]["rank"], &body["text"]), (&json!(1), &reasoning["direct"]));
    assert!(reasoning["evidence"][0]["score_alone"].is_number());
    assert_eq!(reasoning["comparison"]["text"], "");
}

#[tokio::test]
async fn a_deadline_cuts_reasons_off_and_leaves_the_ranking() {
    let n = 400;
    let mut asked = json!({"query": QUERY, "documents": many(n, 1)});
    let unhurried = Running::start(Who::Shipped, ServerConfig::default()).await;
    // How long the order takes here and now: the deadline leaves time for it and not for all reasons, each of which takes
    // as long as scoring dozens of documents.
    let began = Instant::now();
    unhurried.post("/v1/rerank", &asked).await.ok();
    let limits = Limits { deadline: began.elapsed() * 3 + Duration::from_millis(500), ..Limits::default() };
    drop(unhurried);
    let server = Running::start(Who::Shipped, ServerConfig { limits, ..ServerConfig::default() }).await;
    asked["explain"] = json!({"top": n});
    let body = server.post("/v1/rerank", &asked).await.ok();
    assert_eq!(body["results"].as_array().unwrap().len(), n);
    let explained = body["results"].as_array().unwrap().iter().filter(|result| !result["reasoning"].is_null()).count();
    assert!(explained < n);
    let warning = body["warnings"][0].as_str().unwrap();
    assert!(warning.contains(&format!("only {explained} of {n} documents are explained")), "{warning}");
    // A step that was begun is finished: until then there is no room for as much again.
    server.wait_until("r2r_queue_requests", |requests| requests == 0.0).await;
    asked["stream"] = json!(true);
    let events = events(&server, "/v1/rerank", &asked).await;
    let (name, done) = events.last().unwrap();
    let warning = done["warnings"][0].as_str().unwrap();
    assert!(name == "done" && warning.contains(&format!("only {} of {n}", events.len() - 2)), "{name} {done}");
}

#[tokio::test]
async fn a_stream_whose_client_goes_away_is_not_written_to_its_end() {
    let server = Running::start(Who::Shipped, ServerConfig::default()).await;
    let asked = json!({"query": QUERY, "documents": many(300, 1), "explain": {"top": 300}, "stream": true});
    let response = server.client.post(server.url("/v1/rerank")).json(&asked).send().await.unwrap();
    let mut stream = response.bytes_stream();
    assert!(stream.next().await.unwrap().unwrap().starts_with(b"event: ranking"));
    drop(stream);
    server.wait_until("r2r_queue_requests", |requests| requests == 0.0).await;
    assert!(server.metric("r2r_reasons_total").await < 200.0);
    assert_eq!(server.metric("r2r_abandoned_total").await, 1.0);
}
