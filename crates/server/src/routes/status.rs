//! What the server says of itself: whether it is ready, what it serves, what it counted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use reason_to_rank::inference::Precision;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::{App, Service};
use crate::compute::task::Failed;
use crate::dialects::{Dialect, json_response, to_json};
use crate::metrics::CONTENT_TYPE as METRICS_TYPE;
use crate::problem::Problem;
use crate::request::Told;

/// Whether requests are answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `ok`, `loading`, `stopping`, or `failed` where nothing is computed any more.
    status: &'static str,
}

/// What is served, in the fields of text-embeddings-inference and some of our own.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Info {
    /// The student's name.
    model_id: String,
    /// The number format of its products.
    model_dtype: &'static str,
    /// What it is.
    model_type: ModelType,
    /// Requests that may be in work or waiting.
    max_concurrent_requests: usize,
    /// Word pieces of query and document together.
    max_input_length: usize,
    /// Word pieces that are computed together.
    max_batch_tokens: usize,
    /// Documents of a request.
    max_client_batch_size: usize,
    /// Whether documents that are too long are cut.
    auto_truncate: bool,
    /// Threads that tokenize.
    tokenization_workers: usize,
    /// The server's version.
    version: &'static str,
    /// The student's name.
    student: String,
    /// The number format of its products.
    precision: &'static str,
    /// The instructions of its kernels.
    instructions: &'static str,
    /// Threads that compute.
    threads: usize,
    /// Whether it writes reasons.
    reasons: bool,
    /// Whether there is an index to search.
    search: bool,
    /// Documents of a request.
    max_documents: usize,
    /// Unicode code points of a document.
    max_document_chars: usize,
    /// Bytes of a request.
    max_body_bytes: usize,
    /// Seconds that a request may take.
    deadline_seconds: f64,
}

/// A reranker with its label.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelType {
    /// Always that.
    reranker: Reranker,
}

/// The labels of a reranker.
#[derive(Debug, Serialize, JsonSchema)]
struct Reranker {
    /// One label.
    id2label: Labels,
    /// The same, backwards.
    label2id: Ids,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Labels {
    #[serde(rename = "0")]
    first: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Ids {
    #[serde(rename = "LABEL_0")]
    first: usize,
}

/// The models that are served.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Models {
    /// Always `list`.
    object: &'static str,
    /// One model.
    data: Vec<Model>,
}

/// A model, as `OpenAI`'s clients read it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Model {
    /// The student's name.
    id: String,
    /// Always `model`.
    object: &'static str,
    /// When it was loaded, in seconds since 1970-01-01 UTC.
    created: u64,
    /// Always `reason-to-rank`.
    owned_by: &'static str,
    /// The student's name.
    root: String,
    /// Always null.
    parent: Option<String>,
    /// Word pieces of query and document together.
    max_model_len: usize,
}

/// `GET /health`, `/healthz`, `/ping`: 200 when ready, 503 while loading, when stopping, and when the loop that computes
/// has ended.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Response<Body> {
    let status = match app.service() {
        _ if app.is_stopping() => "stopping",
        Err(_) => "loading",
        Ok(service) if service.compute.is_running() => "ok",
        Ok(_) => "failed",
    };
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match to_json(&Health { status }) {
        Ok(json) => json_response(code, json),
        Err(problem) => Dialect::Jina.refuse(&problem),
    }
}

/// `GET /info`.
pub(crate) async fn info(State(app): State<Arc<App>>, told: Told) -> Response<Body> {
    let json = app.service().and_then(|service| {
        let student = service.compute.student();
        let engine = student.engine();
        let limits = &app.limits;
        let precision = match engine.precision() {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        };
        to_json(&Info {
            model_id: student.name().to_owned(),
            model_dtype: precision,
            model_type: ModelType {
                reranker: Reranker { id2label: Labels { first: "LABEL_0" }, label2id: Ids { first: 0 } },
            },
            max_concurrent_requests: limits.max_queue_requests,
            max_input_length: engine.config().max_length,
            max_batch_tokens: service.compute.max_batch_tokens(),
            max_client_batch_size: limits.max_documents,
            auto_truncate: true,
            tokenization_workers: engine.threads().get(),
            version: env!("CARGO_PKG_VERSION"),
            student: student.name().to_owned(),
            precision,
            instructions: engine.instructions().name(),
            threads: engine.threads().get(),
            reasons: student.writes_reasons(),
            search: service.index.is_some(),
            max_documents: limits.max_documents,
            max_document_chars: limits.max_document_chars,
            max_body_bytes: limits.max_body_bytes,
            deadline_seconds: limits.deadline.as_secs_f64(),
        })
    });
    answer(json, &told)
}

/// `GET /v1/models`.
pub(crate) async fn models(State(app): State<Arc<App>>, told: Told) -> Response<Body> {
    let json = app.service().and_then(|service| to_json(&Models { object: "list", data: vec![model_of(service)] }));
    answer(json, &told)
}

/// `GET /v1/models/NAME`.
pub(crate) async fn model(State(app): State<Arc<App>>, told: Told, Path(name): Path<String>) -> Response<Body> {
    let json = app.service().and_then(|service| {
        let model = model_of(service);
        if model.id == name {
            return to_json(&model);
        }
        Err(Problem::NotFound(format!("The model `{name}` does not exist.")))
    });
    answer(json, &told)
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<Arc<App>>, told: Told) -> Response<Body> {
    let load = app.service().ok().map(|service| service.compute.load());
    match app.metrics.text(load) {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
            response
        }
        Err(error) => {
            told.refuse(Dialect::Jina, &Problem::Failed(Failed(format!("metrics cannot be written: {error}"))))
        }
    }
}

fn model_of(service: &Service) -> Model {
    let student = service.compute.student();
    let name = student.name().to_owned();
    Model {
        id: name.clone(),
        object: "model",
        created: service.since,
        owned_by: "reason-to-rank",
        root: name,
        parent: None,
        max_model_len: student.engine().config().max_length,
    }
}

fn answer(json: Result<String, Problem>, told: &Told) -> Response<Body> {
    match json {
        Ok(json) => json_response(StatusCode::OK, json),
        Err(problem) => told.refuse(Dialect::Jina, &problem),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::compute::tests::compute;
    use crate::config::ServerConfig;

    #[tokio::test]
    async fn a_server_that_computes_no_more_is_not_healthy() {
        let app = Arc::new(App::new(ServerConfig::default()));
        let code = async || health(State(Arc::clone(&app))).await.status();
        assert_eq!(code().await, StatusCode::SERVICE_UNAVAILABLE);
        let (compute, searches) = (compute(), Arc::new(Semaphore::new(1)));
        app.ready(Service { compute: Arc::clone(&compute), index: None, searches, since: 0 });
        assert_eq!(code().await, StatusCode::OK);
        compute.close();
        while code().await == StatusCode::OK {
            tokio::task::yield_now().await;
        }
    }
}
