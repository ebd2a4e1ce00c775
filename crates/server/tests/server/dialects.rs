//! Every dialect gets the student's own scores, in its own shape.

use serde_json::{Value, json};

use crate::running::{Running, Who, float, indices, order, scores};

const QUERY: &str = "how do volcanic rocks form";
const TEXTS: [&str; 5] = [
    "Bread is made of flour and water.",
    "Volcanic rocks form when lava cools. The rock is dark.",
    "Lava cools fast. Rocks form.",
    "",
    "A river carries sand to the sea.",
];

fn expected() -> Vec<(f32, f32)> {
    scores(&Who::Small.open(), QUERY, &TEXTS)
}

/// Checks order and scores of results, and says in which order they should be.
#[track_caller]
fn check(results: &Value, field: &str, of: fn((f32, f32)) -> f32) -> Vec<u64> {
    let expected = expected();
    let order = order(&expected);
    assert_eq!(indices(results), order);
    for result in results.as_array().unwrap() {
        let index = result["index"].as_u64().unwrap() as usize;
        assert_eq!(float(&result[field]), of(expected[index]), "{result}");
    }
    order
}

fn results(body: &Value) -> &Vec<Value> {
    body["results"].as_array().unwrap()
}

fn probability(score: (f32, f32)) -> f32 {
    score.0
}

fn logit(score: (f32, f32)) -> f32 {
    score.1
}

#[tokio::test]
async fn text_embeddings_inference_gets_a_bare_list() {
    let server = Running::small().await;
    let answer = server.post("/rerank", &json!({"query": QUERY, "texts": TEXTS})).await;
    for header in ["x-compute-time", "x-compute-tokens", "x-queue-time", "x-inference-time", "x-total-time"] {
        assert!(answer.header(header).parse::<u64>().is_ok(), "{header}");
    }
    let body = answer.ok();
    check(&body, "score", probability);
    assert!(body[0].get("text").is_none());
    let raw = json!({"query": QUERY, "texts": TEXTS, "raw_scores": "true", "return_text": true, "truncate": true});
    let body = server.post("/rerank", &raw).await.ok();
    let order = check(&body, "score", logit);
    assert_eq!(body[0]["text"], TEXTS[order[0] as usize]);
    let few = json!({"query": QUERY, "texts": TEXTS, "top_n": 2, "truncation_direction": "Right"});
    assert_eq!(server.post("/rerank", &few).await.ok().as_array().unwrap().len(), 2);
    // llama.cpp's server takes the same list at its own path.
    check(&server.post("/v1/reranking", &json!({"query": QUERY, "texts": TEXTS})).await.ok(), "score", probability);
}

#[tokio::test]
async fn text_embeddings_inference_predicts_pairs() {
    let server = Running::small().await;
    let expected = expected();
    let body = server.post("/predict", &json!({"inputs": [[QUERY, TEXTS[0]], [QUERY, TEXTS[1]]]})).await.ok();
    let item = |index: usize| (float(&body[index][0]["score"]), body[index][0]["label"].as_str().unwrap());
    assert_eq!(body.as_array().unwrap().len(), 2);
    assert_eq!((item(0), item(1)), ((expected[0].0, "LABEL_0"), (expected[1].0, "LABEL_0")));
    let body = server.post("/predict", &json!({"inputs": [QUERY, TEXTS[2]], "raw_scores": true})).await.ok();
    assert_eq!(float(&body[0]["score"]), expected[2].1);
    for wrong in [json!({"inputs": "alone"}), json!({"inputs": []}), json!({"inputs": [["a", "b", "c"]]}), json!({})] {
        let answer = server.post("/predict", &wrong).await;
        assert!([400, 422].contains(&answer.status) && answer.body["error"].is_string(), "{wrong}: {}", answer.body);
    }
}

#[tokio::test]
async fn cohere_v1_reads_objects_and_sends_documents_back_where_asked() {
    let server = Running::small().await;
    let cohere = [("x-fern-sdk-name", "cohere")];
    let objects: Vec<Value> = TEXTS.iter().map(|text| json!({"text": text, "year": 1999})).collect();
    let body = json!({"model": "rerank-english-v3.0", "query": QUERY, "documents": objects, "top_n": 3});
    let body = server.post_with("/v1/rerank", &body, &cohere).await.ok();
    assert_eq!(body["results"].as_array().unwrap().len(), 3);
    assert!(body["results"][0].get("document").is_none());
    assert_eq!(body["meta"]["api_version"]["version"], "1");
    assert_eq!(body["meta"]["billed_units"]["search_units"], 1);
    // A name that is not served is answered, and said so.
    assert!(body["warnings"][0].as_str().unwrap().contains("rerank-english-v3.0"));
    let body = json!({"query": QUERY, "documents": TEXTS, "return_documents": "True"});
    let body = server.post_with("/v1/rerank", &body, &cohere).await.ok();
    let order = check(&body["results"], "relevance_score", probability);
    assert_eq!(body["results"][0]["document"]["text"], TEXTS[order[0] as usize]);
    assert_eq!(body["warnings"], json!([]));
}

#[tokio::test]
async fn documents_come_back_as_they_were_sent_whatever_of_them_was_read() {
    let server = Running::small().await;
    let objects: Vec<Value> =
        TEXTS.iter().map(|text| json!({"year": 1999, "body": text, "title": "T", "tags": ["x", null]})).collect();
    let fields = json!({"query": QUERY, "documents": objects, "rank_fields": ["body"], "return_documents": true});
    let body = server.post("/v1/rerank", &fields).await.ok();
    for (result, index) in results(&body).iter().zip(check(&body["results"], "relevance_score", probability)) {
        assert_eq!(result["document"], objects[index as usize]);
    }
    // One piece of each text is read, and all of it comes back.
    let texts = ["Lava cools fast near the sea", "Lava", "Bread is made of flour"];
    let cut = json!({"query": QUERY, "documents": texts, "max_tokens_per_doc": 1, "cache_salt": "x"});
    let body = server.post("/rerank", &cut).await.ok();
    assert_eq!(results(&body).len(), texts.len());
    for result in results(&body) {
        assert_eq!(result["document"], json!({"text": texts[result["index"].as_u64().unwrap() as usize]}));
    }
}

#[tokio::test]
async fn cohere_v2_gets_scores_and_the_spans_that_matter() {
    let server = Running::small().await;
    let body = json!({"model": "rerank-v3.5", "query": QUERY, "documents": TEXTS});
    let body = server.post("/v2/rerank", &body).await.ok();
    check(&body["results"], "relevance_score", probability);
    assert!(body["results"][0].get("document").is_none() && body["results"][0].get("relevant_spans").is_none());
    assert_eq!(body["meta"]["api_version"]["version"], "2");

    let text = "Größe zählt. Lava cools fast near the sea. Bread is made of flour and water.";
    let spans = |options: Value| json!({"query": QUERY, "documents": [text, "x"], "relevant_spans": options});
    let answer = server.post("/v2/rerank", &spans(json!({"mode": "enabled", "threshold": 0.0}))).await.ok();
    let results = answer["results"].as_array().unwrap();
    let found = results.iter().find(|result| result["index"] == 0).unwrap()["relevant_spans"].as_array().unwrap();
    let characters: Vec<char> = text.chars().collect();
    let quoted: Vec<String> = found
        .iter()
        .map(|span| {
            characters[span["start"].as_u64().unwrap() as usize..span["end"].as_u64().unwrap() as usize]
                .iter()
                .collect()
        })
        .collect();
    assert!(!quoted.is_empty() && quoted.iter().all(|quote| text.contains(quote.as_str()) && quote.ends_with('.')));
    let sum: f32 = found.iter().map(|span| float(&span["score"])).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    let answer =
        server.post("/v2/rerank", &spans(json!({"mode": "enabled", "threshold": 0.0, "max_spans": 1}))).await.ok();
    let best = answer["results"].as_array().unwrap().iter().find(|result| result["index"] == 0).unwrap().clone();
    assert_eq!(best["relevant_spans"].as_array().unwrap().len(), 1);
    let answer = server.post("/v2/rerank", &spans(json!({"mode": "disabled"}))).await.ok();
    assert!(answer["results"][0]["logit"].is_number() && answer["results"][0].get("relevant_spans").is_none());
}

#[tokio::test]
async fn fewer_pieces_of_a_document_are_read_where_the_client_says_so() {
    let server = Running::small().await;
    let texts = ["Lava cools fast near the sea and rocks form", "Lava cools"];
    let body = json!({"query": QUERY, "documents": texts, "max_tokens_per_doc": 2});
    let body = server.post("/v2/rerank", &body).await.ok();
    let score = |place: usize| float(&body["results"][place]["relevance_score"]);
    assert_eq!(score(0), score(1));
    assert_eq!(indices(&body["results"]), [0, 1], "equal documents keep the order of the input");
}

#[tokio::test]
async fn jina_gets_its_documents_back_unless_it_refuses() {
    let server = Running::small().await;
    for path in ["/v1/rerank", "/rerank"] {
        let body =
            server.post(path, &json!({"model": "jina-reranker-v3", "query": QUERY, "documents": TEXTS})).await.ok();
        let order = check(&body["results"], "relevance_score", probability);
        check(&body["results"], "logit", logit);
        assert_eq!(body["results"][0]["document"]["text"], TEXTS[order[0] as usize]);
        assert_eq!(body["results"][0].get("reasoning"), Some(&Value::Null));
        assert!(body["usage"]["total_tokens"].as_u64().unwrap() > 20);
        assert_eq!(body["usage"]["total_tokens"], body["usage"]["prompt_tokens"]);
        assert_eq!(body["object"], "list");
    }
    let body = json!({"query": QUERY, "documents": TEXTS, "return_documents": "false", "top_n": 99, "return_len": 3});
    let body = server.post("/v1/rerank", &body).await.ok();
    assert_eq!(body["results"].as_array().unwrap().len(), TEXTS.len());
    assert!(body["results"][0].get("document").is_none());
}

#[tokio::test]
async fn vllm_ranks_and_scores() {
    let server = Running::small().await;
    for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
        let body = json!({"query": QUERY, "documents": TEXTS, "top_n": 0, "truncate_prompt_tokens": -1});
        let body = server.post(path, &body).await.ok();
        let order = check(&body["results"], "relevance_score", probability);
        assert_eq!(body["results"][0]["document"]["text"], TEXTS[order[0] as usize]);
    }
    let body =
        json!({"query": QUERY, "documents": {"content": [{"type": "text", "text": "one"}]}, "use_activation": false});
    let body = server.post("/rerank", &body).await.ok();
    assert_eq!(float(&body["results"][0]["relevance_score"]), float(&body["results"][0]["logit"]));

    let expected = expected();
    for path in ["/score", "/v1/score"] {
        let body = server.post(path, &json!({"model": "x", "text_1": QUERY, "text_2": TEXTS})).await.ok();
        assert_eq!(indices(&body["data"]), [0, 1, 2, 3, 4], "scores come in the order of the request");
        for (item, expected) in body["data"].as_array().unwrap().iter().zip(&expected) {
            assert_eq!((float(&item["score"]), &item["object"]), (expected.0, &json!("score")));
        }
    }
    let body = json!({"queries": [QUERY, "bread"], "documents": [TEXTS[1], TEXTS[0]], "use_activation": false});
    let body = server.post("/score", &body).await.ok();
    let bread = scores(&Who::Small.open(), "bread", &[TEXTS[0]])[0].1;
    assert_eq!((float(&body["data"][0]["score"]), float(&body["data"][1]["score"])), (expected[1].1, bread));
}

#[tokio::test]
async fn vllm_says_how_much_is_read() {
    let server = Running::small().await;
    let (query, documents) = ("volcanic rock other", json!(["rock dark fine", {"title": "rock dark", "text": "fine"}]));
    let student = Who::Small.open();
    // All of these words are single pieces of the small student's vocabulary.
    for (limit, expected) in [
        (json!({"max_tokens_per_query": 2}), ("volcanic rock", "rock dark fine")),
        (json!({"max_tokens_per_doc": 1}), ("volcanic rock other", "rock")),
        (json!({"max_tokens_per_query": "2", "max_tokens_per_doc": 2}), ("volcanic rock", "rock dark")),
        (json!({"truncate_prompt_tokens": 8}), ("volcanic rock other", "rock dark")),
        (json!({"truncate_prompt_tokens": 6}), ("volcanic rock", "rock")),
        (json!({"truncate_prompt_tokens": "7", "max_tokens_per_query": 1}), ("volcanic", "rock dark fine")),
        (json!({"truncate_prompt_tokens": -1, "truncation_side": "right"}), ("volcanic rock other", "rock dark fine")),
        (
            json!({"max_tokens_per_query": 0, "max_tokens_per_doc": 0, "truncate_prompt_tokens": 4000}),
            ("volcanic rock other", "rock dark fine"),
        ),
    ] {
        let mut body = json!({"query": query, "documents": documents, "text_1": query, "text_2": documents});
        body.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        body["cache_salt"] = json!("salt");
        let expected = scores(&student, expected.0, &[expected.1])[0];
        let ranked = server.post("/rerank", &body).await.ok();
        for result in results(&ranked) {
            assert_eq!(float(&result["relevance_score"]), expected.0, "{limit}");
            let whole = [json!({"text": "rock dark fine"}), json!({"title": "rock dark", "text": "fine"})];
            assert_eq!(result["document"], whole[result["index"].as_u64().unwrap() as usize], "{limit}");
        }
        assert_eq!(indices(&ranked["results"]), [0, 1], "{limit}");
        body.as_object_mut().unwrap().retain(|name, _| name != "query" && name != "documents");
        body["activation"] = json!(false);
        let scored = server.post("/score", &body).await.ok();
        let scored = |index: usize| float(&scored["data"][index]["score"]);
        assert_eq!((scored(0), scored(1)), (expected.1, expected.1), "{limit}");
    }
}

#[tokio::test]
async fn vllm_hears_what_is_not_followed() {
    let server = Running::small().await;
    let body = json!({"query": QUERY, "documents": TEXTS, "instruction": "prefer short ones", "activation": false});
    let body = server.post("/rerank", &body).await.ok();
    check(&body["results"], "relevance_score", logit);
    assert!(body["warnings"][0].as_str().unwrap().contains("`instruction`"), "{}", body["warnings"]);
    let body = server.post("/score", &json!({"text_1": QUERY, "text_2": TEXTS, "instruction": "none"})).await.ok();
    assert!(body["warnings"][0].as_str().unwrap().contains("`instruction`"), "{}", body["warnings"]);
}

#[tokio::test]
async fn pairs_are_scored_as_documents_are_ranked() {
    let server = Running::small().await;
    let document = json!({"title": "Volcanic rocks", "text": "They form when lava cools."});
    let ranked = server.post("/rerank", &json!({"query": QUERY, "documents": [document]})).await.ok();
    let scored = server.post("/score", &json!({"text_1": QUERY, "text_2": [document]})).await.ok();
    assert_eq!(float(&scored["data"][0]["score"]), float(&ranked["results"][0]["relevance_score"]));
    assert_eq!(scored["warnings"], json!([]));

    let long = "lava ".repeat(200);
    let scored = server.post("/score", &json!({"text_1": long, "text_2": [long, "lava"]})).await.ok();
    let says = |warning: &Value, words: &str| assert!(warning.as_str().unwrap().contains(words), "{warning}");
    says(&scored["warnings"][0], "the query is longer than 32 tokens");
    says(&scored["warnings"][1], "1 pair is longer than 64 tokens");
    let predicted = server.post("/predict", &json!({"inputs": [["lava", long], ["lava", long]]})).await;
    assert!(predicted.header("x-r2r-warnings").starts_with("2 pairs are longer"), "{:?}", predicted.headers);
}

#[tokio::test]
async fn infinity_gets_documents_as_strings() {
    let server = Running::small().await;
    let body = json!({"query": QUERY, "documents": TEXTS, "raw_scores": true, "return_documents": true, "model": "default/not-specified"});
    let body = server.post("/rerank", &body).await.ok();
    let order = check(&body["results"], "relevance_score", logit);
    assert_eq!(body["results"][0]["document"], TEXTS[order[0] as usize]);
    assert!(body["id"].as_str().unwrap().starts_with("infinity-"));
    assert_eq!((&body["object"], &body["warnings"]), (&json!("rerank"), &json!([])));
}

#[tokio::test]
async fn voyage_finds_its_data() {
    let server = Running::small().await;
    let body =
        json!({"query": QUERY, "documents": TEXTS, "model": "rerank-2", "top_k": null, "return_documents": true});
    let body = server.post("/v1/rerank", &body).await.ok();
    let order = check(&body["data"], "relevance_score", probability);
    assert_eq!(body["data"][0]["document"], TEXTS[order[0] as usize]);
    assert!(body["usage"]["total_tokens"].as_u64().unwrap() > 20);
    let body = server.post("/v1/rerank", &json!({"query": QUERY, "documents": TEXTS, "top_k": 2})).await.ok();
    assert_eq!(body["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn llama_cpp_gets_raw_scores() {
    let server = Running::small().await;
    for path in ["/reranking", "/v1/reranking"] {
        let body = server.post(path, &json!({"query": QUERY, "documents": TEXTS})).await.ok();
        check(&body["results"], "relevance_score", logit);
        assert!(body["results"][0].get("document").is_none());
    }
}

#[tokio::test]
async fn equal_documents_keep_their_order_and_none_is_lost() {
    let server = Running::small().await;
    let texts: Vec<&str> = (0..1500).map(|i| TEXTS[i % 2]).collect();
    for (path, body) in [
        ("/rerank", json!({"query": QUERY, "texts": texts})),
        ("/v1/rerank", json!({"query": QUERY, "documents": texts, "return_documents": false})),
    ] {
        let body = server.post(path, &body).await.ok();
        let found = indices(if body.is_array() { &body } else { &body["results"] });
        let scores = scores(&Who::Small.open(), QUERY, &TEXTS[..2]);
        let best = u64::from(scores[1].1 > scores[0].1);
        let expected: Vec<u64> =
            (0..1500).filter(|i| i % 2 == best).chain((0..1500).filter(|i| i % 2 != best)).collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn long_documents_are_cut_and_said_to_be() {
    let server = Running::small().await;
    let long = "lava ".repeat(2000);
    let body = json!({"query": QUERY, "documents": ["short", long]});
    let body = server.post("/v1/rerank", &body).await.ok();
    assert!(body["warnings"][0].as_str().unwrap().contains("document 1"), "{}", body["warnings"]);
    let of_long = body["results"].as_array().unwrap().iter().find(|result| result["index"] == 1).unwrap().clone();
    assert_eq!(of_long["truncated"], true);
    let answer = server.post("/rerank", &json!({"query": QUERY, "texts": ["short", long]})).await;
    assert!(answer.header("x-r2r-warnings").contains("document 1"), "{:?}", answer.headers);
    let answer = server.post("/rerank", &json!({"query": QUERY, "texts": ["short", long], "truncate": false})).await;
    assert_eq!((answer.status, &answer.body["error_type"]), (422, &json!("Tokenizer")));
}
