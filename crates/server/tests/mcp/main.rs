//! The tools as an MCP client sees them: a real client and a small student with fixed weights, over a pipe in memory.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]

use std::path::Path;
use std::sync::Arc;

use r2r_server::mcp::StudentTools;
use reason_to_rank::results::QueryResults;
use reason_to_rank::student::{LoadedStudent, StudentOptions};
use reason_to_rank::types::candidates::{Candidate, Candidates};
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::stage::Reasons;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService};
use rmcp::{ServiceError, ServiceExt};
use serde_json::{Value, json};

const QUERY: &str = "how do volcanic rocks form";
const TEXTS: [&str; 4] = [
    "Bread is made of flour and water.",
    "Volcanic rocks form when lava cools. The rock is dark.",
    "Lava cools fast. Rocks form.",
    "A river carries sand to the sea.",
];

fn student() -> LoadedStudent {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/golden/student");
    LoadedStudent::open(&folder, &StudentOptions::default()).unwrap()
}

async fn connect(student: LoadedStudent) -> RunningService<RoleClient, ()> {
    let (here, there) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let service = StudentTools::new(student).serve(there).await.unwrap();
        service.waiting().await.unwrap();
    });
    ().serve(here).await.unwrap()
}

async fn call(client: &RunningService<RoleClient, ()>, tool: &'static str, arguments: &Value) -> CallToolResult {
    try_call(client, tool, arguments).await.unwrap()
}

async fn try_call(
    client: &RunningService<RoleClient, ()>,
    tool: &'static str,
    arguments: &Value,
) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().unwrap().clone();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await
}

fn text_of(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

/// What the library says, as `r2r rerank --json` prints it.
fn expected(student: &LoadedStudent, documents: Vec<Document>, reasons: Reasons, top: usize) -> Value {
    let list = documents.into_iter().enumerate();
    let candidates = Candidates {
        query: Arc::new(Query { id: "query".into(), text: QUERY.to_owned() }),
        list: list.map(|(i, document)| Candidate { document: Arc::new(document), score: -(i as f32) }).collect(),
    };
    let ranking = student.reranker().rerank_shown(&candidates, reasons, top).unwrap();
    let results = QueryResults::of(student, &candidates, &ranking, top).unwrap();
    serde_json::from_str(&serde_json::to_string(&results).unwrap()).unwrap()
}

/// Fails where a result of the tool differs from the library's in a key that both have.
fn assert_agree(answered: &Value, expected: &Value) {
    let (answered, expected) = (answered["results"].as_array().unwrap(), expected["results"].as_array().unwrap());
    assert_eq!(answered.len(), expected.len());
    for (ours, theirs) in answered.iter().zip(expected) {
        for key in ["rank", "id", "score", "logit", "reasoning"] {
            assert_eq!(ours[key], theirs[key], "{key} of {ours}");
        }
        assert_eq!(ours["index"], theirs["retrieved_rank"].as_u64().unwrap() - 1);
    }
}

#[tokio::test]
async fn tools_tell_what_they_take_and_give() {
    let client = connect(student()).await;
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["rerank", "explain"]);
    for tool in &tools {
        assert!(tool.description.as_ref().is_some_and(|text| text.len() > 80), "{tool:?}");
        let properties = tool.input_schema["properties"].as_object().unwrap();
        assert!(properties.contains_key("query"));
        assert_eq!(tool.output_schema.as_ref().unwrap()["type"], "object");
        assert_eq!(tool.annotations.as_ref().unwrap().read_only_hint, Some(true));
    }
    assert!(client.peer_info().unwrap().instructions.as_ref().unwrap().contains("rerank"));
}

#[tokio::test]
async fn a_ranking_has_the_values_of_the_command() {
    let client = connect(student()).await;
    let answered = call(&client, "rerank", &json!({"query": QUERY, "documents": TEXTS, "explain": true})).await;
    assert_eq!(answered.is_error, Some(false));
    let document = |(i, text): (usize, &&str)| Document {
        id: i.to_string().into(),
        title: String::new(),
        text: (*text).to_owned(),
    };
    let documents = TEXTS.iter().enumerate().map(document).collect();
    let structured = answered.structured_content.as_ref().unwrap();
    assert_agree(structured, &expected(&student(), documents, Reasons::Top(10), 4));
    let best = &structured["results"][0];
    assert!(text_of(&answered).starts_with(&format!("1. {}", best["id"].as_str().unwrap())), "{}", text_of(&answered));
    assert!(text_of(&answered).contains(best["reasoning"]["direct"].as_str().unwrap()));
}

#[tokio::test]
async fn names_and_titles_of_documents_are_kept_and_top_n_cuts() {
    let client = connect(student()).await;
    let documents = json!([{"id": "a", "title": "Lava", "text": TEXTS[2]}, {"id": 7, "text": TEXTS[0]}, TEXTS[3]]);
    let answered = call(&client, "rerank", &json!({"query": QUERY, "documents": documents, "top_n": "2"})).await;
    let document =
        |id: &str, title: &str, text: &str| Document { id: id.into(), title: title.to_owned(), text: text.to_owned() };
    let documents = vec![document("a", "Lava", TEXTS[2]), document("7", "", TEXTS[0]), document("2", "", TEXTS[3])];
    assert_agree(answered.structured_content.as_ref().unwrap(), &expected(&student(), documents, Reasons::None, 2));
    assert!(text_of(&answered).ends_with("1 more rank below these.\n"), "{}", text_of(&answered));
}

#[tokio::test]
async fn an_explanation_quotes_the_document_and_its_receipt_is_a_real_score() {
    let client = connect(student()).await;
    let answered = call(&client, "explain", &json!({"query": QUERY, "document": TEXTS[1]})).await;
    let structured = answered.structured_content.as_ref().unwrap();
    let evidence = &structured["reasoning"]["evidence"][0];
    let quote = evidence["quote"].as_str().unwrap();
    let (start, end) = (evidence["start"].as_u64().unwrap() as usize, evidence["end"].as_u64().unwrap() as usize);
    assert_eq!(TEXTS[1].chars().skip(start).take(end - start).collect::<String>(), quote);
    let alone = call(&client, "rerank", &json!({"query": QUERY, "documents": [quote]})).await;
    assert_eq!(alone.structured_content.unwrap()["results"][0]["score"], evidence["score_alone"]);
    let whole = call(&client, "rerank", &json!({"query": QUERY, "documents": [TEXTS[1]]})).await;
    assert_eq!(whole.structured_content.unwrap()["results"][0]["score"], structured["score"]);
    assert!(text_of(&answered).contains(quote));
}

#[tokio::test]
async fn bad_arguments_are_answered_with_what_to_do() {
    let client = connect(student()).await;
    let many = vec!["text"; 1001];
    let cases = [
        ("rerank", json!({"documents": TEXTS}), "query is missing; give the question"),
        ("rerank", json!({"query": "  ", "documents": TEXTS}), "query is empty; give"),
        ("rerank", json!({"query": 3, "documents": TEXTS}), "query is a number; give it as a text"),
        ("rerank", json!({"query": QUERY}), "documents is missing; give an array, each item a text, or an object"),
        ("rerank", json!({"query": QUERY, "documents": []}), "documents is empty; give at least one"),
        ("rerank", json!({"query": QUERY, "documents": "text"}), "documents is a text; give an array"),
        ("rerank", json!({"query": QUERY, "documents": ["a", 7]}), "documents[1] is a number; give a text, or"),
        ("rerank", json!({"query": QUERY, "documents": [{"id": "a"}]}), "documents[0] has no text; give"),
        (
            "rerank",
            json!({"query": QUERY, "documents": [{"text": "a", "id": []}]}),
            "the id of documents[0] is an array",
        ),
        (
            "rerank",
            json!({"query": QUERY, "documents": ["a", {"id": "0", "text": "b"}]}),
            "documents[1] is named \"0\", as documents[0] is",
        ),
        (
            "rerank",
            json!({"query": QUERY, "documents": many}),
            "1001 documents are too many for one call; give at most 1000",
        ),
        ("rerank", json!({"query": QUERY, "documents": TEXTS, "top_n": 0}), "top_n is 0; give a whole number from 1"),
        ("rerank", json!({"query": QUERY, "documents": TEXTS, "top_n": true}), "top_n is a boolean; give"),
        (
            "rerank",
            json!({"query": QUERY, "documents": TEXTS, "explain": "yes"}),
            "explain is a text; give true or false",
        ),
        (
            "rerank",
            json!({"query": QUERY, "docs": TEXTS}),
            "rerank has no argument \"docs\"; its arguments are query, documents",
        ),
        ("explain", json!({"query": QUERY}), "document is missing; give a text, or an object"),
        ("explain", json!({"query": QUERY, "document": [TEXTS[0]]}), "document is an array; give"),
    ];
    for (tool, arguments, message) in cases {
        let answered = call(&client, tool, &arguments).await;
        assert_eq!(answered.is_error, Some(true), "{arguments}");
        assert!(text_of(&answered).starts_with(message), "{arguments}: {}", text_of(&answered));
    }
    // The connection goes on.
    assert_eq!(call(&client, "rerank", &json!({"query": QUERY, "documents": TEXTS})).await.is_error, Some(false));
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_of_the_protocol() {
    let client = connect(student()).await;
    let error = try_call(&client, "search", &json!({})).await.unwrap_err();
    assert!(error.to_string().contains("there is no tool search; the tools are rerank and explain"), "{error}");
}

#[tokio::test]
async fn a_student_without_reasons_ranks_and_says_so() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/golden/cross_encoder");
    let client = connect(LoadedStudent::open(&folder, &StudentOptions::default()).unwrap()).await;
    let answered = call(&client, "rerank", &json!({"query": QUERY, "documents": TEXTS, "explain": true})).await;
    let structured = answered.structured_content.unwrap();
    assert_eq!(structured["results"].as_array().unwrap().len(), 4);
    assert!(structured["warnings"][0].as_str().unwrap().contains("has not learned to write reasons"));
    let refused = call(&client, "explain", &json!({"query": QUERY, "document": TEXTS[1]})).await;
    assert_eq!(refused.is_error, Some(true));
    assert!(text_of(&refused).contains("--student"));
}

#[tokio::test]
async fn calls_at_once_get_their_own_answers() {
    let client = connect(student()).await;
    let ask = |text: &'static str| {
        let client = &client;
        async move { call(client, "explain", &json!({"query": QUERY, "document": text})).await.structured_content.unwrap() }
    };
    let (a, b, c, d) = tokio::join!(ask(TEXTS[0]), ask(TEXTS[1]), ask(TEXTS[2]), ask(TEXTS[3]));
    for (text, together) in TEXTS.into_iter().zip([a, b, c, d]) {
        assert_eq!(ask(text).await, together);
    }
}
