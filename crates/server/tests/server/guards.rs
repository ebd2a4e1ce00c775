//! Who may ask, from where, and what slow clients get.

use std::time::Duration;

use r2r_server::config::{Limits, ServerConfig};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

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
async fn what_pages_of_other_origins_post_is_not_answered() {
    /// Posts as a page does, in the only way that needs no leave beforehand, and says with which status it was answered.
    async fn post(server: &Running, headers: &[(&str, &str)]) -> u16 {
        let body = json!({"query": "q", "documents": ["a"]}).to_string();
        let mut request = server.client.post(server.url("/v1/rerank")).header("content-type", "text/plain").body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }
    let named = async |cors_origins: &[&str]| {
        let cors_origins = cors_origins.iter().map(|&origin| origin.to_owned()).collect();
        Running::start(Who::Small, ServerConfig { cors_origins, ..ServerConfig::default() }).await
    };
    let (closed, open, wide) = (named(&[]).await, named(&["https://a.example"]).await, named(&["*"]).await);
    let own = format!("http://{}", closed.address);
    for (headers, status) in [
        (vec![], 200),
        (vec![("origin", &*own)], 200),
        (vec![("origin", "https://a.example")], 403),
        (vec![("origin", "http://127.0.0.1:1")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site"), ("origin", &*own)], 403),
        (vec![("sec-fetch-site", "none")], 200),
        // The own page behind a proxy: this server has another name there.
        (vec![("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example")], 200),
        (vec![("x-forwarded-host", "proxy.example"), ("origin", "http://proxy.example:81")], 200),
        (vec![("host", "proxy.example"), ("origin", "http://proxy.example")], 200),
    ] {
        assert_eq!(post(&closed, &headers).await, status, "{headers:?}");
    }
    for (origin, of_open) in [("https://a.example", 200), ("https://b.example", 403)] {
        let headers = [("origin", origin), ("sec-fetch-site", "cross-site")];
        assert_eq!((post(&open, &headers).await, post(&wide, &headers).await), (of_open, 200), "{origin}");
    }
    // What changes nothing stays open to links.
    let link = closed.client.get(closed.url("/health")).header("sec-fetch-site", "cross-site");
    assert_eq!(link.send().await.unwrap().status(), 200);
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
async fn a_body_that_can_never_have_room_is_not_told_to_come_back() {
    let limits = Limits { max_pending_bytes: 1000, ..Limits::default() };
    let server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    let body = |n: usize| json!({"query": "q", "documents": ["x".repeat(n)]});
    let answer = server.post("/v1/rerank", &body(2000)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (413, ""), "{}", answer.body);
    assert_eq!(server.get("/info").await.ok()["max_body_bytes"], 1000);
    assert_eq!(server.post("/v1/rerank", &body(500)).await.status, 200);
}

/// Sends a request and does not read its answer, of which this end of the connection takes next to nothing.
async fn ask_and_look_away(server: &Running, body: &Value) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let body = body.to_string();
    let head = format!("POST /v1/rerank HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn who_does_not_read_keeps_the_room_of_the_answer_and_no_place_in_the_queue() {
    let limits = Limits { max_pending_bytes: 16 << 20, max_queue_requests: 1, ..Limits::default() };
    let server = Running::start(Who::Small, ServerConfig { limits, ..ServerConfig::default() }).await;
    // Texts come back, and are more than the system takes off the server's hands.
    let large = json!({"query": "q", "documents": vec!["Lava cools. ".repeat(8000); 100]});
    let mut streamed = large.clone();
    streamed["explain"] = json!({"top": 1});
    streamed["stream"] = json!(true);
    let small = json!({"query": "q", "documents": ["a"]});
    for asked in [&large, &streamed] {
        let before = server.metric("r2r_requests_total{path=\"/v1/rerank\",status=\"200\"}").await;
        let unread = ask_and_look_away(&server, asked).await;
        server.wait_until("r2r_requests_total{path=\"/v1/rerank\",status=\"200\"}", |answered| answered > before).await;
        server.wait_until("r2r_queue_requests", |requests| requests == 0.0).await;
        assert_eq!(server.post("/v1/rerank", &small).await.status, 200);
        assert_eq!(server.post("/v1/rerank", &large).await.status, 429, "there is room for one of them");
        drop(unread);
        while server.post("/v1/rerank", &large).await.status == 429 {}
    }
}
