//! All routes, each with what `/docs` tells of it: one table, so that the two cannot drift apart.

pub(crate) mod docs;
pub(crate) mod explain;
pub(crate) mod page;
mod pairs;
pub(crate) mod predict;
pub(crate) mod rerank;
pub(crate) mod score;
pub(crate) mod search;
pub(crate) mod status;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, Response};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use crate::dialects::{Caller, Dialect, Route};
use crate::openapi::Operation;
use crate::origin::keep_out;
use crate::problem::Problem;
use crate::request::{Told, authorize, track};

/// A path with what answers it.
pub(crate) struct Endpoint {
    /// The path, as axum writes it.
    pub(crate) path: &'static str,
    /// GET or POST, in lower case.
    pub(crate) method: &'static str,
    /// Who may ask.
    pub(crate) access: Access,
    /// What is told of it; `None` of files that are no interface.
    pub(crate) operation: Option<Operation>,
    answer: MethodRouter<Arc<App>>,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everyone: what tells whether the server is there, and the page.
    Open,
    /// Whoever has a key, where keys are set.
    Keyed,
}

/// The whole table.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut table = Vec::new();
    for (path, route) in [
        ("/rerank", Route::Rerank),
        ("/v1/rerank", Route::V1Rerank),
        ("/v2/rerank", Route::V2Rerank),
        ("/reranking", Route::Reranking),
        ("/v1/reranking", Route::Reranking),
    ] {
        let answer =
            move |app: State<Arc<App>>, told: Told, request: Request| rerank::rerank(app, route, told, request);
        table.push(keyed("post", path, post(answer), Operation::rerank(route)));
    }
    for path in ["/score", "/v1/score"] {
        table.push(keyed("post", path, post(score::score), Operation::score()));
    }
    table.push(keyed("post", "/predict", post(predict::predict), Operation::predict()));
    table.push(keyed("post", "/v1/explain", post(explain::explain), Operation::explain()));
    table.push(keyed("post", "/v1/search", post(search::search), Operation::search()));
    table.push(keyed("get", "/v1/models", get(status::models), Operation::models()));
    // Names of models have slashes in them.
    table.push(keyed("get", "/v1/models/{*name}", get(status::model), Operation::model()));
    table.push(keyed("get", "/info", get(status::info), Operation::info()));
    table.push(keyed("get", "/metrics", get(status::metrics), Operation::metrics()));
    for path in ["/health", "/healthz", "/ping"] {
        table.push(open(path, get(status::health), Some(Operation::health())));
    }
    for path in ["/openapi.json", "/api-doc/openapi.json"] {
        table.push(open(path, get(docs::openapi), Some(Operation::openapi())));
    }
    table.push(open("/docs", get(docs::page), Some(Operation::docs())));
    table.push(open("/docs/style.css", get(docs::style), None));
    table.push(open("/", get(page::index), Some(Operation::page())));
    table.push(open("/page/{name}", get(page::named), None));
    table
}

fn keyed(method: &'static str, path: &'static str, answer: MethodRouter<Arc<App>>, operation: Operation) -> Endpoint {
    Endpoint { path, method, access: Access::Keyed, operation: Some(operation), answer }
}

fn open(path: &'static str, answer: MethodRouter<Arc<App>>, operation: Option<Operation>) -> Endpoint {
    Endpoint { path, method: "get", access: Access::Open, operation, answer }
}

/// The server's routes, with all that happens before and after a request is answered.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (mut open, mut keyed) = (Router::new(), Router::new());
    for endpoint in endpoints() {
        match endpoint.access {
            Access::Open => open = open.route(endpoint.path, endpoint.answer),
            Access::Keyed => keyed = keyed.route(endpoint.path, endpoint.answer),
        }
    }
    let keyed = keyed.route_layer(from_fn_with_state(Arc::clone(app), authorize));
    let mut router = open.merge(keyed).fallback(nothing_here).method_not_allowed_fallback(wrong_method);
    if let Some(cors) = cors(&app.cors_origins) {
        router = router.layer(cors);
    }
    router
        .layer(from_fn_with_state(Arc::clone(app), keep_out))
        .layer(from_fn_with_state(Arc::clone(app), track))
        .with_state(Arc::clone(app))
}

async fn nothing_here(told: Told, request: Request) -> Response<Body> {
    let path: String = request.uri().path().chars().take(200).collect();
    told.refuse(Dialect::Jina, &Problem::NotFound(format!("there is nothing at {path}; /docs tells what there is")))
}

async fn wrong_method(told: Told, request: Request) -> Response<Body> {
    let dialect = Dialect::of_path(request.uri().path(), Caller::of(request.headers()));
    told.refuse(dialect, &Problem::Method(request.method().to_string()))
}

/// What browsers are told of pages elsewhere; `None` where no origin is named.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
        AllowOrigin::list(origins)
    };
    let request_id = HeaderName::from_static("x-request-id");
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE, request_id.clone()])
            .expose_headers([request_id]),
    )
}
