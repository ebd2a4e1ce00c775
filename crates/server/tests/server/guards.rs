//! Who may ask, from where, and what slow clients get.

use std::time::Duration;

use r2r_server::config::{Limits, ServerConfig};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::running::{Running, Who};

#[tokio::test]
async fn only_those_with_a_key_are_answered() {
    // As a variable with a space behind its comma, and the file of a secret, hold them.
    let keys = vec!["first".to_owned(), " second\n".to_owned()];
    let server = Running::start(Who::Small, ServerConfig { keys, ..ServerConfig::default() }).await;
    let body = json!({"query": "q", "documents": ["a"]});
    for key in ["Bearer first", "bearer second"] {
        assert_eq!(server.post_with("/v1/rerank", &body, &[("authorization", key)]).await.status, 200);
    }
    for path in ["/v1/rerank", "/v2/rerank", "/reranking", "/score", "/v1/explain", "/v1/search"] {
        for headers in [&[][..], &[("authorization", "Bearer third")]] {
            let answer = server.post_with(path, &body, headers).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{path}");
            assert!(answer.body.is_object(), "{path}: {}", answer.body);
        }
    }
    for path in ["/info", "/v1/models", "/metrics"] {
        assert_eq!(server.get(path).await.status, 401, "{path}");
    }
    for path in ["/", "/page/app.js", "/docs", "/openapi.json", "/health", "/healthz", "/ping"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_kept_out_unless_they_are_named() {
    let ask = |server: &Running, origin: &'static str| {
        let request = server.client.request(Method::OPTIONS, server.url("/v1/rerank"));
        request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
    };
    let allowed = |response: &reqwest::Response| {
        response.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
    };
    let closed = Running::small().await;
    assert_eq!(allowed(&ask(&closed, "https://a.example").await.unwrap()), None);
    let cors_origins = vec!["https://a.example".to_owned()];
    let config = ServerConfig { cors_origins, keys: vec!["key".to_owned()], ..ServerConfig::default() };
    let open = Running::start(Who::Small, config).await;
    let response = ask(&open, "https://a.example").await.unwrap();
    assert!(response.status().is_success());
    assert_eq!(allowed(&response).as_deref(), Some("https://a.example"));
    assert_eq!(allowed(&ask(&open, "https://b.example").await.unwrap()), None);
}

#[tokio::test]
async fn a_client_that_sends_too_slowly_is_given_up() {
    let limits = Limits {
        read_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    // A body of which only the beginning comes.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"POST /v2/rerank HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"query\": ").await.unwrap();
    let mut said = String::new();
    slow.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    // A head that never ends.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"POST /v2/rerank HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let mut said = Vec::new();
    let _ = slow.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/1.1 200"));
    // And one that says nothing at all.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let _ = slow.read_to_end(&mut said).await;
    assert_eq!(server.post("/v1/rerank", &json!({"query": "q", "documents": ["a"]})).await.status, 200);
}

#[tokio::test]
async fn requests_keep_their_ids() {
    let server = Running::small().await;
    let body = json!({"query": "q", "documents": ["a"]});
    let answer = server.post_with("/v1/rerank", &body, &[("x-request-id", "mine-1")]).await;
    assert_eq!((answer.header("x-request-id"), &answer.body["id"]), ("mine-1", &json!("rerank-mine-1")));
    let (one, two) = (server.post("/v1/rerank", &body).await, server.get("/nowhere").await);
    assert!(one.header("x-request-id").len() == 32 && two.header("x-request-id").len() == 32);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test]
async fn all_bodies_together_have_a_limit() {
    let limits = Limits { max_pending_bytes: 1000, ..Limits::default() };
    let server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    let body = |n: usize| json!({"query": "q", "documents": ["x".repeat(n)]});
    let answer = server.post("/v1/rerank", &body(2000)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    assert_eq!(server.post("/v1/rerank", &body(500)).await.status, 200);
}
