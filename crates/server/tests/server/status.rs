//! What the server says of itself.

use std::time::Duration;

use r2r_server::config::ServerConfig;
use r2r_server::run::{ServeError, Server, Serving};
use serde_json::json;

use crate::running::{Running, Who};

#[tokio::test]
async fn clients_find_out_what_is_served() {
    let server = Running::small().await;
    let student = Who::Small.open();
    let models = server.get("/v1/models").await.ok();
    assert_eq!((&models["object"], &models["data"][0]["object"]), (&json!("list"), &json!("model")));
    assert_eq!(models["data"][0]["id"], student.name());
    let model = server.get(&format!("/v1/models/{}", student.name())).await.ok();
    assert_eq!(model, models["data"][0]);
    let answer = server.get("/v1/models/BAAI/bge-reranker-v2-m3").await;
    assert_eq!((answer.status, &answer.body["error"]["type"]), (404, &json!("NotFoundError")));
    let info = server.get("/info").await.ok();
    assert_eq!((&info["student"], &info["model_id"]), (&json!(student.name()), &json!(student.name())));
    assert_eq!((&info["reasons"], &info["search"], &info["threads"]), (&json!(true), &json!(false), &json!(2)));
    assert_eq!(info["max_input_length"], student.engine().config().max_length);
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = Running::small().await;
    server
        .post("/v1/rerank", &json!({"query": "q", "documents": ["Lava. It is hot.", "b"], "explain": {"top": 1}}))
        .await
        .ok();
    server.post("/rerank", &json!({"query": "q", "texts": []})).await;
    let mut text = String::new();
    // A place in the queue is given back just behind the answer.
    for _ in 0..100 {
        let answer = server.client.get(server.url("/metrics")).send().await.unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        text = answer.text().await.unwrap();
        if text.contains("r2r_queue_requests 0\n") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for line in [
        "r2r_requests_total{path=\"/v1/rerank\",status=\"200\"} 1",
        "r2r_requests_total{path=\"/rerank\",status=\"400\"} 1",
        "r2r_documents_total 2",
        "r2r_reasons_total 1",
        "r2r_queue_requests 0",
        // Not of probes, such as those that waited for this server.
        "r2r_stage_duration_seconds_count{stage=\"total\"} 2",
        "r2r_stage_duration_seconds_count{stage=\"queue\"} 1",
        "r2r_stage_duration_seconds_count{stage=\"tokenization\"} 1",
        "r2r_stage_duration_seconds_count{stage=\"inference\"} 1",
        "r2r_stage_duration_seconds_count{stage=\"reasons\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_document_of_the_interface_names_what_is_answered() {
    let server = Running::small().await;
    let document = server.get("/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            let request = server.client.request(method, server.url(path));
            let request = if example.is_null() { request } else { request.json(example) };
            let status = request.send().await.unwrap().status().as_u16();
            // The search has no index here, and no model is named so.
            let is_nowhere = path == "/v1/search" || path == "/v1/models/{name}";
            assert_eq!(status, if is_nowhere { 404 } else { 200 }, "{path}");
        }
    }
    for path in ["/v1/rerank", "/rerank", "/v2/rerank", "/score", "/v1/explain", "/v1/search", "/info", "/metrics"] {
        assert!(document["paths"][path].is_object(), "{path} is not told");
    }
    assert!(server.text("/docs").await.contains("<code><b>POST</b> /v1/explain</code>"));
}

#[tokio::test]
async fn the_page_comes_from_the_binary_and_runs_nothing_else() {
    let server = Running::small().await;
    let response = server.client.get(server.url("/")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let page = response.text().await.unwrap();
    let linked: Vec<&str> = page.split('"').filter(|part| part.trim_start_matches('/').starts_with("page/")).collect();
    assert!(linked.len() >= 2, "{page}");
    for link in linked {
        let path = format!("/{}", link.trim_start_matches('/'));
        assert_eq!(server.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(server.get("/page/nothing.js").await.status, 404);
    assert_eq!(server.get("/page/..%2Findex.html").await.status, 404);
}

#[tokio::test]
async fn a_server_that_loads_says_so_and_one_that_cannot_load_ends() {
    let server = Server::bind(([127, 0, 0, 1], 0).into(), ServerConfig::default()).await.unwrap();
    let url = format!("http://{}", server.address());
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving { student: folder.path().join("none"), options: Who::Small.options(), index: None };
    let client = reqwest::Client::new();
    let asked = async {
        let health = client.get(format!("{url}/health")).send().await;
        health.map(|response| response.status().as_u16())
    };
    let (ended, health) = tokio::join!(server.run(serving, std::future::pending(), std::future::pending()), asked);
    assert!(matches!(ended, Err(ServeError::Student(_))));
    // Whether it was asked before or after the end is the system's choice.
    assert!(health.is_err() || health.unwrap() == 503);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let first = Server::bind(([127, 0, 0, 1], 0).into(), ServerConfig::default()).await.unwrap();
    let second = Server::bind(first.address(), ServerConfig::default()).await;
    let Err(error) = second else { panic!("two servers listen at one port") };
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}
