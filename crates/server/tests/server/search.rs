//! Search finds, ranks and explains what an index holds.

use r2r_server::config::{Limits, ServerConfig};
use r2r_server::run::Serving;
use reason_to_rank::retrieval::{Bm25, Searcher, build};
use reason_to_rank::types::document::Document;
use serde_json::{Value, json};

use crate::running::{Running, Who, float, scores};

const QUERY: &str = "which volcanic rock cools fast";
const TEXTS: [&str; 4] = [
    "Granite cools slowly, deep below the surface.",
    "Basalt is a volcanic rock: it cools fast.",
    "Bread is made of flour and water.",
    "A volcanic island rose from the sea.",
];

async fn server(folder: &std::path::Path) -> Running {
    limited(folder, Limits::default()).await
}

async fn limited(folder: &std::path::Path, limits: Limits) -> Running {
    let place = folder.join("index");
    let document = |(i, text): (usize, &&str)| {
        Ok::<_, std::io::Error>(Document { id: format!("d{i}").into(), title: String::new(), text: (*text).to_owned() })
    };
    build(TEXTS.iter().enumerate().map(document), &place, &mut |_| {}).unwrap();
    let serving = Serving { student: Who::Small.folder(), options: Who::Small.options(), index: Some(place) };
    Running::serving(ServerConfig { limits, ..ServerConfig::default() }, serving).await
}

#[tokio::test]
async fn what_is_found_is_ranked_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    assert_eq!(server.get("/info").await.ok()["search"], true);
    let body = json!({"query": QUERY, "depth": 10, "top_n": 2, "explain": {"top": 1}});
    let body = server.post("/v1/search", &body).await.ok();
    let searcher = Searcher::open(&folder.path().join("index")).unwrap();
    let hits = searcher.search(QUERY, 10, &Bm25::default()).unwrap();
    assert_eq!((&body["candidates"], &body["object"]), (&json!(hits.len()), &json!("search")));
    let results = body["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert!(!results[0]["reasoning"].is_null() && results[1]["reasoning"].is_null());
    let student = Who::Small.open();
    for result in results {
        let hit = &hits[result["retrieved_rank"].as_u64().unwrap() as usize - 1];
        assert_eq!((&result["id"], &result["document"]["id"]), (&json!(hit.doc), &json!(hit.doc)));
        assert_eq!(float(&result["retrieved_score"]), hit.score);
        let text = result["document"]["text"].as_str().unwrap();
        assert_eq!(float(&result["logit"]), scores(&student, QUERY, &[text])[0].1);
    }
    assert!(float(&results[0]["logit"]) >= float(&results[1]["logit"]));
    let against = &results[0]["reasoning"]["comparison"]["against"][0]["id"];
    assert_eq!(against, &results[1]["id"], "documents are called by their names in the collection");
}

#[tokio::test]
async fn a_search_that_finds_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let body = server.post("/v1/search", &json!({"query": "xylophone"})).await.ok();
    assert_eq!((&body["results"], &body["candidates"]), (&json!([]), &json!(0)));
    assert!(body["warnings"][0].as_str().unwrap().contains("no document"));
    let answer = server.client.post(server.url("/v1/search")).json(&json!({"query": "xylophone", "stream": true}));
    let text = answer.send().await.unwrap().text().await.unwrap();
    assert!(text.starts_with("event: ranking") && text.contains("event: done"), "{text}");
    for wrong in [json!({}), json!({"query": ""}), json!({"query": "q", "depth": 0}), json!({"query": "q", "top_n": 0})]
    {
        let answer = server.post("/v1/search", &wrong).await;
        assert!(answer.status == 422 && answer.body["detail"] != Value::Null, "{wrong}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_search_is_refused_before_it_is_begun_and_its_candidates_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let full = limited(folder.path(), Limits { max_queue_requests: 0, ..Limits::default() }).await;
    // It would find nothing, so that there would be nothing to compute.
    let answer = full.post("/v1/search", &json!({"query": "xylophone"})).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    let folder = tempfile::tempdir().unwrap();
    let small = limited(folder.path(), Limits { max_pending_bytes: 110, ..Limits::default() }).await;
    let answer = small.post("/v1/search", &json!({"query": QUERY})).await;
    assert!(answer.status == 422 && answer.body.to_string().contains("--max-pending-bytes"), "{}", answer.body);
    assert_eq!(small.post("/v1/search", &json!({"query": QUERY, "depth": 1})).await.status, 200);
    assert_eq!(small.post("/v1/search", &json!({"query": "xylophone"})).await.status, 200);
}
