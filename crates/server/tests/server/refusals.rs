//! What is wrong is said with the status and in the shape that each dialect's clients expect.

use r2r_server::config::{Limits, ServerConfig};
use serde_json::{Value, json};

use crate::running::{Running, Who};

/// Sends a body that cannot be used, and checks status and text of the answer.
async fn check(server: &Running, path: &str, body: Value, status: u16, place: &str, says: &str) {
    let answer = server.post(path, &body).await;
    let text = answer.body.pointer(place).and_then(Value::as_str).unwrap_or_default();
    assert!(answer.status == status && text.contains(says), "{path} {body}: {} {:#}", answer.status, answer.body);
}

#[tokio::test]
async fn what_cannot_be_used_is_said_in_each_dialect() {
    let server = Running::small().await;
    let server = &server;
    check(server, "/rerank", json!({"texts": ["a"]}), 422, "/error", "`query` is missing").await;
    check(server, "/rerank", json!({"query": "q", "texts": []}), 400, "/error", "`texts` cannot be empty").await;
    check(server, "/rerank", json!({"query": "q", "texts": "a", "raw_scores": "perhaps"}), 422, "/error", "perhaps")
        .await;
    check(server, "/v1/rerank", json!({"query": "q"}), 422, "/detail", "`documents` is missing").await;
    check(server, "/v1/rerank", json!({"query": "q"}), 422, "/message", "`documents` is missing").await;
    check(server, "/v1/rerank", json!({"query": "q", "documents": ["a"], "top_n": 0}), 422, "/detail", "`top_n` is 0")
        .await;
    check(server, "/v1/rerank", json!({"query": "q", "documents": ["a"], "top_n": -1}), 422, "/detail", "-1").await;
    check(server, "/v1/rerank", json!({"query": "q", "documents": ["a", 5]}), 422, "/detail", "integer `5`").await;
    check(server, "/v1/rerank", json!({"query": " ", "documents": ["a"]}), 422, "/detail", "`query` cannot be empty")
        .await;
    check(
        server,
        "/v1/rerank",
        json!({"query": "q", "documents": ["a"], "rank_fields": 1}),
        400,
        "/message",
        "integer",
    )
    .await;
    check(server, "/v2/rerank", json!({"query": "q", "documents": []}), 400, "/message", "`documents` cannot be empty")
        .await;
    check(server, "/v2/rerank", json!({"query": "q", "documents": [{"image": "x"}]}), 400, "/message", "documents[0]")
        .await;
    check(server, "/rerank", json!({"query": "q", "documents": [], "cache_salt": ""}), 400, "/error/message", "empty")
        .await;
    check(
        server,
        "/rerank",
        json!({"query": "q", "documents": [], "raw_scores": false}),
        422,
        "/error/message",
        "empty",
    )
    .await;
    check(server, "/v1/rerank", json!({"query": "q", "documents": ["a"], "top_k": 0}), 400, "/detail", "`top_k` is 0")
        .await;
    for (field, value) in [
        ("truncation_side", json!("left")),
        ("truncate_prompt_tokens", json!(4)),
        ("truncate_prompt_tokens", json!(-2)),
        ("truncate_prompt_tokens", json!("all")),
    ] {
        let body = json!({"query": "q", "documents": ["a"], field: value});
        check(server, "/rerank", body, 400, "/error/message", field).await;
        let body = json!({"text_1": "q", "text_2": ["a"], field: value});
        check(server, "/score", body, 400, "/error/message", field).await;
    }
    let left = json!({"query": "q", "texts": ["a"], "truncation_direction": "Left"});
    check(server, "/rerank", left, 422, "/error", "truncation_direction").await;
    check(server, "/reranking", json!({"documents": ["a"]}), 400, "/error/message", "`query` is missing").await;
    check(server, "/score", json!({"text_1": ["a", "b"], "text_2": ["c"]}), 400, "/error/message", "2 queries").await;
    check(
        server,
        "/v1/explain",
        json!({"query": "q", "documents": ["a", "b"], "above": 0, "below": 5}),
        422,
        "/detail",
        "none of the 2",
    )
    .await;
    check(server, "/v1/search", json!({"query": "q"}), 404, "/error/message", "--index").await;
    check(server, "/nowhere", json!({}), 404, "/error/type", "NotFoundError").await;
    let answer = server.get("/v1/rerank").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn what_is_no_json_is_refused_at_once() {
    let server = Running::small().await;
    let nested = format!("{{\"query\": \"q\", \"documents\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let hidden =
        format!("{{\"query\": \"q\", \"documents\": [\"a\"], \"x\": {}1{}}}", "[".repeat(9000), "]".repeat(9000));
    for body in [
        b"".to_vec(),
        b"[]".to_vec(),
        b"{\"query\": \"q\", ".to_vec(),
        b"{\"query\": \"\xff\xfe\", \"documents\": [\"a\"]}".to_vec(),
        b"{\"query\": \"\\ud800\", \"documents\": [\"a\"]}".to_vec(),
        b"query=q&documents=a".to_vec(),
        nested.into_bytes(),
        hidden.into_bytes(),
    ] {
        for path in ["/rerank", "/v1/rerank", "/v2/rerank", "/v1/reranking", "/score", "/v1/explain"] {
            let answer = server.post_bytes(path, body.clone()).await;
            let beginning = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(answer.status, 400, "{path} {beginning}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn what_would_take_too_much_memory_to_read_is_refused_before_it_is_read() {
    let server = Running::small().await;
    let list = format!("[{}\"\"]", "\"\",".repeat(1_000_000));
    for (path, body) in [
        ("/rerank", format!("{{\"query\": \"q\", \"texts\": {list}}}")),
        ("/v1/rerank", format!("{{\"query\": \"q\", \"documents\": [\"a\"], \"unknown\": {list}}}")),
        ("/v2/rerank", format!("{{\"query\": {{\"content\": {list}}}, \"documents\": [\"a\"]}}")),
        ("/score", format!("{{\"text_1\": \"q\", \"text_2\": {list}}}")),
        ("/predict", format!("{{\"inputs\": [{}[]]}}", "[\"\",\"\"],".repeat(500_000))),
        ("/v1/explain", format!("{{\"query\": \"q\", \"documents\": {list}, \"above\": 0, \"below\": 1}}")),
    ] {
        let answer = server.post_bytes(path, body).await;
        let says = answer.body.to_string();
        assert!([400, 422].contains(&answer.status) && says.contains("values"), "{path}: {} {says}", answer.status);
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_limit() {
    let limits = Limits { max_body_bytes: 2000, max_documents: 3, max_document_chars: 50, ..Limits::default() };
    let server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    let server = &server;
    let four = json!({"query": "q", "texts": ["a", "b", "c", "d"]});
    check(server, "/rerank", four, 422, "/error", "batch size 4 > maximum allowed batch size 3").await;
    let long = json!({"query": "q", "documents": ["a", "é".repeat(51)]});
    check(server, "/v2/rerank", long, 400, "/message", "document 1 is longer than 50").await;
    let fits = json!({"query": "q", "documents": ["a", "é".repeat(50)]});
    assert_eq!(server.post("/v2/rerank", &fits).await.status, 200);
    check(server, "/v1/rerank", json!({"query": "q".repeat(3000)}), 413, "/detail", "2000 bytes").await;
    // Also where the client does not say how long it is going to be.
    let chunks = (0..1000).map(|_| Ok::<_, std::io::Error>("x".repeat(1000)));
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    assert_eq!(server.post_bytes("/v1/rerank", chunked).await.status, 413);
}
