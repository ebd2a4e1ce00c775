//! Requests share the student: none waits for a larger one, none is forgotten, and company changes no score.

use std::time::{Duration, Instant};

use r2r_server::config::{Limits, ServerConfig};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::running::{Answer, Running, Who, float, many, scores};

const QUERY: &str = "how do volcanic rocks form";

/// A request that keeps the shipped student busy for many seconds.
fn large() -> Value {
    json!({"query": QUERY, "documents": many(4000, 12), "return_documents": false})
}

fn small() -> Value {
    json!({"query": QUERY, "documents": ["Lava cools.", "Bread."]})
}

async fn shipped(limits: Limits) -> Running {
    Running::start(Who::Shipped, ServerConfig { limits, ..ServerConfig::default() }).await
}

#[tokio::test]
async fn company_changes_no_score() {
    let limits = Limits { max_batch_tokens: Some(300), ..Limits::default() };
    let server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    let requests: Vec<(String, Vec<String>)> =
        (0..40).map(|i| (format!("how does lava {i} form rocks"), many(1 + (i * 13) % 37, 1 + i % 4))).collect();
    let begun: Vec<_> = requests
        .iter()
        .map(|(query, texts)| server.begin("/v1/rerank", &json!({"query": query, "documents": texts})))
        .collect();
    let student = Who::Small.open();
    for ((query, texts), begun) in requests.iter().zip(begun) {
        let body = Answer::of(begun.await.unwrap().unwrap()).await.ok();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let expected = scores(&student, query, &texts);
        assert_eq!(body["results"].as_array().unwrap().len(), texts.len());
        for result in body["results"].as_array().unwrap() {
            let (probability, logit) = expected[result["index"].as_u64().unwrap() as usize];
            assert_eq!((float(&result["relevance_score"]), float(&result["logit"])), (probability, logit));
        }
    }
}

#[tokio::test]
async fn a_small_request_does_not_wait_for_a_large_one() {
    let server = shipped(Limits { deadline: Duration::from_mins(10), ..Limits::default() }).await;
    let large = server.begin("/v1/rerank", &large());
    server.wait_until("r2r_queue_requests", |requests| requests == 1.0).await;
    let begun = server.metric("r2r_documents_total").await;
    assert_eq!(server.post("/v1/rerank", &small()).await.status, 200);
    let computed = server.metric("r2r_documents_total").await - begun;
    assert!(!large.is_finished() && computed < 200.0, "{computed} documents were computed before the small request's");
    large.abort();
}

#[tokio::test]
async fn work_for_a_client_that_hung_up_stops() {
    let server = shipped(Limits { deadline: Duration::from_mins(10), ..Limits::default() }).await;
    let large = server.begin("/v1/rerank", &large());
    server.wait_until("r2r_documents_total", |documents| documents > 0.0).await;
    large.abort();
    server.wait_until("r2r_queue_tokens", |tokens| tokens == 0.0).await;
    let (documents, abandoned) =
        (server.metric("r2r_documents_total").await, server.metric("r2r_abandoned_total").await);
    assert!(documents < 1000.0 && abandoned == 1.0, "{documents} documents were computed, {abandoned} abandoned");
    assert_eq!(server.post("/v1/rerank", &small()).await.status, 200);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let limits = Limits { max_queue_requests: 1, deadline: Duration::from_mins(10), ..Limits::default() };
    let server = shipped(limits).await;
    let large = server.begin("/v1/rerank", &large());
    server.wait_until("r2r_queue_requests", |requests| requests == 1.0).await;
    let texts = json!({"query": QUERY, "texts": ["Lava cools."]});
    let pairs = json!({"text_1": QUERY, "text_2": "Lava cools."});
    for (path, body, status) in [
        ("/rerank", &texts, 429),
        ("/v1/rerank", &small(), 429),
        ("/v2/rerank", &small(), 429),
        ("/score", &pairs, 503),
        ("/reranking", &small(), 503),
    ] {
        let began = Instant::now();
        let answer = server.post(path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{path}");
        assert!(began.elapsed() < Duration::from_secs(1), "{path} took {:?} to say no", began.elapsed());
    }
    large.abort();
    // There is room again as soon as the large one is gone.
    server.wait_until("r2r_queue_requests", |requests| requests == 0.0).await;
    assert_eq!(server.post("/v1/rerank", &small()).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_done_in_time_is_refused_or_given_up() {
    let server = shipped(Limits { deadline: Duration::from_millis(700), ..Limits::default() }).await;
    let large_too = large();
    let large = server.begin("/v2/rerank", &large_too);
    server.wait_until("r2r_queue_requests", |requests| requests == 1.0).await;
    // Another one of this size would not be done in time either, and finds work already there.
    assert_eq!(server.post("/v2/rerank", &large_too).await.status, 429);
    let answer = Answer::of(large.await.unwrap().unwrap()).await;
    assert_eq!(answer.status, 504, "{}", answer.body);
    assert!(answer.body["message"].as_str().unwrap().contains("0.7 seconds"), "{}", answer.body);
    server.wait_until("r2r_queue_tokens", |tokens| tokens == 0.0).await;
    assert_eq!(server.post("/v2/rerank", &small()).await.status, 200);
}

#[tokio::test]
async fn what_was_accepted_is_finished_before_the_end() {
    let patient = Duration::from_mins(10);
    let mut server = shipped(Limits { deadline: patient, shutdown_timeout: patient, ..Limits::default() }).await;
    let texts = many(60, 6);
    let accepted = server.begin("/v1/rerank", &json!({"query": QUERY, "documents": texts, "explain": {"top": 2}}));
    server.wait_until("r2r_queue_requests", |requests| requests == 1.0).await;
    server.stop();
    let address = server.address;
    let body = Answer::of(accepted.await.unwrap().unwrap()).await.ok();
    assert_eq!(body["results"].as_array().unwrap().len(), 60);
    assert!(!body["results"][1]["reasoning"].is_null());
    server.ended().await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_server_that_drains_says_that_it_stops_and_still_answers() {
    let limits = Limits { drain: Duration::from_mins(10), ..Limits::default() };
    let mut server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    server.stop();
    while server.get("/health").await.status == 200 {}
    // A connection that was not there before, as a balancer makes it.
    let stranger = reqwest::Client::new();
    let health = Answer::of(stranger.get(server.url("/health")).send().await.unwrap()).await;
    assert_eq!((health.status, &health.body["status"]), (503, &json!("stopping")));
    assert_eq!(server.post("/v1/rerank", &small()).await.status, 200);
}

#[tokio::test]
async fn the_end_does_not_wait_longer_than_it_may() {
    let limits =
        Limits { shutdown_timeout: Duration::from_millis(100), deadline: Duration::from_mins(10), ..Limits::default() };
    let mut server = shipped(limits).await;
    let large = server.begin("/v1/rerank", &large());
    server.wait_until("r2r_queue_requests", |requests| requests == 1.0).await;
    server.stop();
    server.ended().await.unwrap();
    assert!(large.await.unwrap().is_err(), "its connection was cut");
}
