//! The interface as `OpenAPI` 3.1, with schemas made from the shapes that are really read and written.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::dialects::{Route, cohere_v1, cohere_v2, infinity, jina, llama_cpp, tei, vllm, voyage};
use crate::events::{DoneEvent, ErrorEvent, ReasoningEvent};
use crate::routes::explain::{ExplainReply, ExplainRequest, SingleReply};
use crate::routes::predict::{PredictRequest, Predictions};
use crate::routes::score::{ScoreReply, ScoreRequest};
use crate::routes::search::{SearchReply, SearchRequest};
use crate::routes::status::{Health, Info, Model, Models};
use crate::routes::{Access, Endpoint};
use crate::shapes::Reply;

/// What is told of an endpoint.
pub(crate) struct Operation {
    /// One line.
    pub(crate) summary: &'static str,
    /// More.
    pub(crate) description: &'static str,
    /// The group it belongs to.
    pub(crate) group: &'static str,
    /// The body of the request; `None` where it has none.
    request: Option<Body>,
    /// A request that works.
    pub(crate) example: Option<Value>,
    /// The answer.
    reply: Body,
    /// Whether the answer may come as server-sent events.
    streams: bool,
    /// Whether requests can be wrong.
    errors: Option<Body>,
}

/// A body by its schemas, or by its content type where it is no JSON.
enum Body {
    Json(fn(&mut SchemaGenerator) -> Vec<Value>),
    Text(&'static str),
}

/// The schema of a shape.
fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

impl Operation {
    /// Reranking at one of its paths.
    pub(crate) fn rerank(route: Route) -> Self {
        let (summary, description, request): (_, _, fn(&mut SchemaGenerator) -> Vec<Value>) = match route {
            Route::Rerank => (
                "Rank documents: text-embeddings-inference, Infinity, vLLM, Jina",
                "With `texts` the answer is the bare list of text-embeddings-inference; with `documents` it is one that \
                 clients of Jina, Cohere, vLLM and Infinity read alike.",
                |generator| {
                    vec![
                        schema::<tei::Request>(generator),
                        schema::<infinity::Request>(generator),
                        schema::<vllm::Request>(generator),
                        schema::<jina::Request>(generator),
                    ]
                },
            ),
            Route::V1Rerank => (
                "Rank documents: Jina, Cohere version 1, Voyage, vLLM",
                "Clients are told apart by their fields and headers; whoever says no more than it must is answered as \
                 by Jina.",
                |generator| {
                    vec![
                        schema::<jina::Request>(generator),
                        schema::<cohere_v1::Request>(generator),
                        schema::<voyage::Request>(generator),
                        schema::<vllm::Request>(generator),
                    ]
                },
            ),
            Route::V2Rerank => (
                "Rank documents: Cohere version 2, vLLM",
                "With `relevant_spans` each result names the sentences that matter.",
                |generator| vec![schema::<cohere_v2::Request>(generator), schema::<vllm::Request>(generator)],
            ),
            Route::Reranking => ("Rank documents: llama.cpp", "`relevance_score` is the raw score.", |generator| {
                vec![schema::<llama_cpp::Request>(generator), schema::<tei::Request>(generator)]
            }),
        };
        let reply = Body::Json(match route {
            Route::Rerank | Route::Reranking => |generator| {
                let rank = schema::<tei::Rank>(generator);
                vec![schema::<Reply>(generator), json!({"type": "array", "items": rank})]
            },
            Route::V1Rerank => |generator| vec![schema::<Reply>(generator), schema::<voyage::Reply>(generator)],
            Route::V2Rerank => |generator| vec![schema::<Reply>(generator)],
        });
        let errors = Body::Json(|generator| {
            vec![
                schema::<jina::ErrorBody>(generator),
                schema::<cohere_v1::ErrorBody>(generator),
                schema::<tei::ErrorBody>(generator),
                schema::<vllm::ErrorBody>(generator),
                schema::<voyage::ErrorBody>(generator),
                schema::<llama_cpp::ErrorBody>(generator),
            ]
        });
        Self {
            summary,
            description,
            group: "Rank",
            request: Some(Body::Json(request)),
            example: Some(json!({
                "query": "why is the sky blue",
                "documents": [
                    "Painters love the sky.",
                    "Air scatters blue light more than red light, so the sky looks blue.",
                ],
                "top_n": 2,
                "explain": true,
            })),
            reply,
            streams: true,
            errors: Some(errors),
        }
    }

    /// Scores of pairs.
    pub(crate) fn score() -> Self {
        Self {
            summary: "Score pairs: vLLM",
            description: "One query with many documents, or as many queries as documents; scores come in the order of \
                          the request.",
            group: "Rank",
            request: Some(Body::Json(|generator| vec![schema::<ScoreRequest>(generator)])),
            example: Some(json!({
                "text_1": "why is the sky blue",
                "text_2": ["Painters love the sky.", "Air scatters blue light."],
            })),
            reply: Body::Json(|generator| vec![schema::<ScoreReply>(generator)]),
            streams: false,
            errors: Some(Body::Json(|generator| vec![schema::<vllm::ErrorBody>(generator)])),
        }
    }

    /// Predictions.
    pub(crate) fn predict() -> Self {
        Self {
            summary: "Score pairs: text-embeddings-inference",
            description: "`inputs` is a pair of query and text, or a list of pairs.",
            group: "Rank",
            request: Some(Body::Json(|generator| vec![schema::<PredictRequest>(generator)])),
            example: Some(json!({"inputs": [["why is the sky blue", "Air scatters blue light."]]})),
            reply: Body::Json(|generator| vec![schema::<Predictions>(generator)]),
            streams: false,
            errors: Some(Body::Json(|generator| vec![schema::<tei::ErrorBody>(generator)])),
        }
    }

    /// Why one document stands above another.
    pub(crate) fn explain() -> Self {
        Self {
            summary: "Explain why one document stands above another",
            description: "All `documents` are ranked, `above` and `below` name two of them by id or index. Or give a \
                          single `document`: its reason, evidence and receipt.",
            group: "Explain",
            request: Some(Body::Json(|generator| vec![schema::<ExplainRequest>(generator)])),
            example: Some(json!({
                "query": "why is the sky blue",
                "documents": ["Air scatters blue light more than red light.", "Painters love the sky."],
                "above": 0,
                "below": 1,
            })),
            reply: Body::Json(|generator| vec![schema::<ExplainReply>(generator), schema::<SingleReply>(generator)]),
            streams: false,
            errors: Some(own_errors()),
        }
    }

    /// Search.
    pub(crate) fn search() -> Self {
        Self {
            summary: "Search the index, rank and explain what is found",
            description: "Only where the server was started with `--index`; 404 otherwise.",
            group: "Search",
            request: Some(Body::Json(|generator| vec![schema::<SearchRequest>(generator)])),
            example: Some(json!({"query": "why is the sky blue", "depth": 100, "top_n": 10, "explain": {"top": 3}})),
            reply: Body::Json(|generator| vec![schema::<SearchReply>(generator)]),
            streams: true,
            errors: Some(own_errors()),
        }
    }

    /// The models.
    pub(crate) fn models() -> Self {
        let reply = Body::Json(|generator| vec![schema::<Models>(generator)]);
        Self::asked_by_get(
            "Which model is served",
            "As OpenAI's clients ask for it.",
            "Server",
            reply,
            Some(own_errors()),
        )
    }

    /// One model.
    pub(crate) fn model() -> Self {
        let reply = Body::Json(|generator| vec![schema::<Model>(generator)]);
        Self::asked_by_get("A model by its name", "404 where it is another one.", "Server", reply, Some(own_errors()))
    }

    /// What is served.
    pub(crate) fn info() -> Self {
        let reply = Body::Json(|generator| vec![schema::<Info>(generator)]);
        let description = "The fields of text-embeddings-inference, and what this server can do.";
        Self::asked_by_get("What is served, and its limits", description, "Server", reply, Some(own_errors()))
    }

    /// Counters.
    pub(crate) fn metrics() -> Self {
        let reply = Body::Text("application/openmetrics-text");
        Self::asked_by_get("Counters and histograms for Prometheus", "", "Server", reply, Some(own_errors()))
    }

    /// Readiness.
    pub(crate) fn health() -> Self {
        let reply = Body::Json(|generator| vec![schema::<Health>(generator)]);
        let description =
            "503 while the student is being loaded, when the server was told to stop, and when it computes no more.";
        Self::asked_by_get("Whether requests are answered", description, "Server", reply, None)
    }

    /// This document.
    pub(crate) fn openapi() -> Self {
        let reply = Body::Json(|_| vec![json!({"type": "object"})]);
        Self::asked_by_get("This interface as OpenAPI 3.1", "", "Server", reply, None)
    }

    /// This document for people.
    pub(crate) fn docs() -> Self {
        Self::asked_by_get("This interface as a page", "", "Server", Body::Text("text/html"), None)
    }

    /// The page.
    pub(crate) fn page() -> Self {
        let reply = Body::Text("text/html");
        Self::asked_by_get("The page that shows why", "", "Server", reply, None)
    }

    fn asked_by_get(
        summary: &'static str,
        description: &'static str,
        group: &'static str,
        reply: Body,
        errors: Option<Body>,
    ) -> Self {
        Self { summary, description, group, request: None, example: None, reply, streams: false, errors }
    }
}

fn own_errors() -> Body {
    Body::Json(|generator| vec![schema::<jina::ErrorBody>(generator)])
}

/// The document.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let settings = || SchemaSettings::draft2020_12().with(|own| own.definitions_path = "/components/schemas".into());
    let mut read = settings().for_deserialize().into_generator();
    let mut written = settings().for_serialize().into_generator();
    let mut paths = Map::new();
    for endpoint in endpoints {
        let Some(operation) = &endpoint.operation else { continue };
        let entry = paths.entry(endpoint.path.replace("{*", "{")).or_insert_with(|| json!({}));
        entry[endpoint.method] = describe(endpoint, operation, &mut read, &mut written);
    }
    let mut schemas = read.take_definitions(true);
    schemas.extend(written.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Reason-to-Rank",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Reranking with reasons. Clients of Cohere, Jina, Voyage, vLLM, Infinity, llama.cpp and \
                text-embeddings-inference work as they are; `explain` adds why each document stands where it stands.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn describe(
    endpoint: &Endpoint,
    operation: &Operation,
    read: &mut SchemaGenerator,
    written: &mut SchemaGenerator,
) -> Value {
    let mut content = content(&operation.reply, written);
    if operation.streams {
        content["text/event-stream"] = json!({
            "schema": {
                "type": "object",
                "description": "With `stream`: the events `ranking` (the answer without reasons), `reasoning`, and at \
                    the end `done` or `error`; `data` is JSON.",
                "properties": {
                    "event": {"enum": ["ranking", "reasoning", "done", "error"]},
                    "data": {"type": "string", "contentMediaType": "application/json"},
                },
                "required": ["data"],
                "x-events": {
                    "reasoning": schema::<ReasoningEvent>(written),
                    "done": schema::<DoneEvent>(written),
                    "error": schema::<ErrorEvent>(written),
                },
            },
        });
    }
    let mut responses = json!({"200": {"description": "The answer.", "content": content}});
    if let Some(errors) = &operation.errors {
        responses["default"] = json!({
            "description": "Why there is no answer, in the client's own dialect: 400 or 422 what cannot be used, 401 no \
                valid key, 403 a web page of another origin, 404 no such thing, 408 too slow, 413 too large, 429 or 503 \
                too busy (with Retry-After), 504 too late, 500 or 424 our failure.",
            "content": self::content(errors, written),
        });
    }
    if endpoint.path.ends_with("/health") || endpoint.path.ends_with("/healthz") || endpoint.path == "/ping" {
        responses["503"] = json!({"description": "Not ready.", "content": self::content(&operation.reply, written)});
    }
    let mut described = json!({
        "summary": operation.summary,
        "operationId": format!("{}{}", endpoint.method, endpoint.path.replace(['/', '.', '{', '*', '}'], "_")),
        "tags": [operation.group],
        "responses": responses,
    });
    if endpoint.path.contains("{*name}") {
        described["parameters"] =
            json!([{"name": "name", "in": "path", "required": true, "schema": {"type": "string"}}]);
    }
    if !operation.description.is_empty() {
        described["description"] = json!(operation.description);
    }
    if let Some(request) = &operation.request {
        let mut content = self::content(request, read);
        if let Some(example) = &operation.example {
            content["application/json"]["example"] = example.clone();
        }
        described["requestBody"] = json!({"required": true, "content": content});
    }
    // An empty requirement beside the key: a server without keys asks for none.
    if endpoint.access == Access::Keyed {
        described["security"] = json!([{"key": []}, {}]);
    }
    described
}

fn content(body: &Body, generator: &mut SchemaGenerator) -> Value {
    match body {
        Body::Text(kind) => json!({*kind: {"schema": {"type": "string"}}}),
        Body::Json(schemas) => {
            let mut schemas = schemas(generator);
            let schema = if schemas.len() == 1 { schemas.remove(0) } else { json!({"anyOf": schemas}) };
            json!({"application/json": {"schema": schema}})
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::endpoints;

    /// All `$ref`s of a value.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference.clone());
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_has_its_schema() {
        let document = document(&endpoints());
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} is nowhere");
        }
    }

    #[test]
    fn shapes_that_are_read_and_written_have_different_names() {
        let settings = SchemaSettings::draft2020_12;
        let mut read = settings().for_deserialize().into_generator();
        let mut written = settings().for_serialize().into_generator();
        for endpoint in endpoints() {
            let Some(operation) = endpoint.operation else { continue };
            if let Some(Body::Json(schemas)) = operation.request {
                schemas(&mut read);
            }
            for body in [Some(operation.reply), operation.errors] {
                if let Some(Body::Json(schemas)) = body {
                    schemas(&mut written);
                }
            }
        }
        let written = written.take_definitions(true);
        for name in read.take_definitions(true).keys() {
            assert!(!written.contains_key(name), "{name} is read and written");
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = document(&endpoints());
        let mut names = BTreeSet::new();
        for path in document["paths"].as_object().unwrap().values() {
            for operation in path.as_object().unwrap().values() {
                assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
            }
        }
    }
}
