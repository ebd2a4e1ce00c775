//! The dialects of rerank clients, told apart by path, by the fields of the body, and by what clients call themselves.
//!
//! Each file holds the same parts in the same order: the request, what it adds to the answer, its errors, then
//! `asked`, `reply` and `refuse`.

pub(crate) mod cohere_v1;
pub(crate) mod cohere_v2;
pub(crate) mod infinity;
pub(crate) mod jina;
pub(crate) mod llama_cpp;
pub(crate) mod tei;
pub(crate) mod vllm;
pub(crate) mod voyage;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use serde::Serialize;

use crate::asked::{Answer, Asked};
use crate::compute::task::Failed;
use crate::json::{self, Keys};
use crate::problem::Problem;

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// text-embeddings-inference.
    Tei,
    /// Cohere, version 1.
    CohereV1,
    /// Cohere, version 2.
    CohereV2,
    /// Jina, and whoever says no more than it must.
    Jina,
    /// vLLM.
    Vllm,
    /// Infinity.
    Infinity,
    /// Voyage.
    Voyage,
    /// llama.cpp.
    LlamaCpp,
}

/// The paths of reranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/rerank`.
    Rerank,
    /// `/v1/rerank`.
    V1Rerank,
    /// `/v2/rerank`.
    V2Rerank,
    /// `/reranking` and `/v1/reranking`.
    Reranking,
}

/// What clients call themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Cohere's SDK.
    Cohere,
    /// Voyage's SDK.
    Voyage,
    /// Anyone.
    #[default]
    Unknown,
}

impl Caller {
    /// Who sent these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let says = |name: &str, word: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.is_some_and(|value| value.to_ascii_lowercase().contains(word))
        };
        if says("x-fern-sdk-name", "cohere")
            || says(USER_AGENT.as_str(), "cohere")
            || headers.contains_key("x-client-name")
        {
            Self::Cohere
        } else if says(USER_AGENT.as_str(), "voyage") {
            Self::Voyage
        } else {
            Self::Unknown
        }
    }
}

impl Dialect {
    /// The dialect of a request; without its fields, as far as path and client tell.
    pub(crate) fn of(route: Route, caller: Caller, keys: &Keys) -> Self {
        if keys.has_any(&["texts"]) && !keys.has_any(&["documents"]) {
            return Self::Tei;
        }
        match (route, caller) {
            (Route::Reranking, _) => return Self::LlamaCpp,
            (Route::Rerank | Route::V1Rerank, Caller::Cohere) => return Self::CohereV1,
            (Route::V2Rerank, Caller::Cohere) => return Self::CohereV2,
            (Route::Rerank | Route::V1Rerank, Caller::Voyage) => return Self::Voyage,
            (Route::V2Rerank, Caller::Voyage) | (_, Caller::Unknown) => {}
        }
        if keys.has_any(&vllm::OWN_FIELDS) {
            Self::Vllm
        } else if keys.has_any(&["top_k"]) && !keys.has_any(&["top_n"]) {
            Self::Voyage
        } else if keys.has_any(&["raw_scores"]) {
            Self::Infinity
        } else if route == Route::V2Rerank {
            Self::CohereV2
        } else if keys.has_any(&["rank_fields", "max_chunks_per_doc"]) {
            Self::CohereV1
        } else {
            Self::Jina
        }
    }

    /// The dialect in which a path speaks of what goes wrong before a body is read.
    pub(crate) fn of_path(path: &str, caller: Caller) -> Self {
        match path {
            "/rerank" => Self::of(Route::Rerank, caller, &Keys::default()),
            "/v1/rerank" => Self::of(Route::V1Rerank, caller, &Keys::default()),
            "/v2/rerank" => Self::of(Route::V2Rerank, caller, &Keys::default()),
            "/reranking" | "/v1/reranking" => Self::LlamaCpp,
            "/score" | "/v1/score" => Self::Vllm,
            "/predict" => Self::Tei,
            _ => Self::Jina,
        }
    }

    /// Its name, for the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tei => "tei",
            Self::CohereV1 => "cohere-v1",
            Self::CohereV2 => "cohere-v2",
            Self::Jina => "jina",
            Self::Vllm => "vllm",
            Self::Infinity => "infinity",
            Self::Voyage => "voyage",
            Self::LlamaCpp => "llama.cpp",
        }
    }

    /// How it calls the documents.
    pub(crate) fn documents_field(self) -> &'static str {
        match self {
            Self::Tei => "texts",
            Self::CohereV1
            | Self::CohereV2
            | Self::Jina
            | Self::Vllm
            | Self::Infinity
            | Self::Voyage
            | Self::LlamaCpp => "documents",
        }
    }

    /// Reads a body.
    pub(crate) fn read(self, text: &str) -> Result<Asked, Problem> {
        match self {
            Self::Tei => json::read::<tei::Request>(text)?.asked(),
            Self::CohereV1 => json::read::<cohere_v1::Request>(text)?.asked(),
            Self::CohereV2 => json::read::<cohere_v2::Request>(text)?.asked(),
            Self::Jina => json::read::<jina::Request>(text)?.asked(),
            Self::Vllm => json::read::<vllm::Request>(text)?.asked(),
            Self::Infinity => json::read::<infinity::Request>(text)?.asked(),
            Self::Voyage => json::read::<voyage::Request>(text)?.asked(),
            Self::LlamaCpp => json::read::<llama_cpp::Request>(text)?.asked(),
        }
    }

    /// Writes an answer as JSON.
    pub(crate) fn reply(self, asked: &Asked, answer: Answer) -> Result<String, Problem> {
        match self {
            Self::Tei => to_json(&tei::reply(asked, answer)),
            Self::CohereV1 => to_json(&cohere_v1::reply(asked, answer)),
            Self::CohereV2 => to_json(&cohere_v2::reply(asked, answer)),
            Self::Jina => to_json(&jina::reply(asked, answer)),
            Self::Vllm => to_json(&vllm::reply(asked, answer)),
            Self::Infinity => to_json(&infinity::reply(asked, answer)),
            Self::Voyage => to_json(&voyage::reply(asked, answer)),
            Self::LlamaCpp => to_json(&llama_cpp::reply(asked, answer)),
        }
    }

    /// Says why a request is not answered.
    pub(crate) fn refuse(self, problem: &Problem) -> Response<Body> {
        let mut response = match self {
            // TEI says nothing where the key is wrong.
            Self::Tei if *problem == Problem::Unauthorized => empty(StatusCode::UNAUTHORIZED),
            Self::Tei => refusal(&tei::refuse(problem)),
            Self::CohereV1 => refusal(&cohere_v1::refuse(problem)),
            Self::CohereV2 => refusal(&cohere_v2::refuse(problem)),
            Self::Jina => refusal(&jina::refuse(problem)),
            Self::Vllm => refusal(&vllm::refuse(problem)),
            Self::Infinity => refusal(&infinity::refuse(problem)),
            Self::Voyage => refusal(&voyage::refuse(problem)),
            Self::LlamaCpp => refusal(&llama_cpp::refuse(problem)),
        };
        if let Some(seconds) = problem.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if *problem == Problem::Unauthorized {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A value as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value)
        .map_err(|error| Problem::Failed(Failed(format!("the answer cannot be written as JSON: {error}"))))
}

/// A body of JSON.
pub(crate) fn json_response(status: StatusCode, json: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(json.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refusal<T: Serialize>((status, body): &(StatusCode, T)) -> Response<Body> {
    match to_json(body) {
        Ok(json) => json_response(*status, json),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(route: Route, caller: Caller, body: &str, expected: Dialect) {
        assert_eq!(Dialect::of(route, caller, &Keys::of(body).unwrap()), expected, "{route:?} {caller:?} {body}");
    }

    #[test]
    fn dialects_are_told_apart() {
        use Caller::{Cohere, Unknown, Voyage};
        use Route::{Rerank, Reranking, V1Rerank, V2Rerank};

        let plain = r#"{"query": "q", "documents": []}"#;
        check(Rerank, Unknown, r#"{"query": "q", "texts": []}"#, Dialect::Tei);
        check(Reranking, Unknown, r#"{"query": "q", "texts": []}"#, Dialect::Tei);
        check(Rerank, Unknown, plain, Dialect::Jina);
        check(V1Rerank, Unknown, plain, Dialect::Jina);
        check(V2Rerank, Unknown, plain, Dialect::CohereV2);
        check(Reranking, Unknown, plain, Dialect::LlamaCpp);
        check(V1Rerank, Cohere, plain, Dialect::CohereV1);
        check(V2Rerank, Cohere, plain, Dialect::CohereV2);
        check(V1Rerank, Voyage, plain, Dialect::Voyage);
        check(V1Rerank, Unknown, r#"{"query": "q", "documents": [], "top_k": null}"#, Dialect::Voyage);
        check(V1Rerank, Unknown, r#"{"query": "q", "documents": [], "rank_fields": []}"#, Dialect::CohereV1);
        check(Rerank, Unknown, r#"{"query": "q", "documents": [], "raw_scores": false}"#, Dialect::Infinity);
        check(V2Rerank, Unknown, r#"{"query": "q", "documents": [], "truncate_prompt_tokens": -1}"#, Dialect::Vllm);
    }

    #[test]
    fn clients_are_known_by_their_headers() {
        let caller = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            Caller::of(&headers)
        };
        assert_eq!(caller("x-fern-sdk-name", "cohere"), Caller::Cohere);
        assert_eq!(caller("user-agent", "voyageai/v1 PythonBindings/0.3"), Caller::Voyage);
        assert_eq!(caller("user-agent", "curl/8.0"), Caller::Unknown);
    }

    #[test]
    fn each_dialect_says_what_is_wrong_in_its_own_way() {
        let check = |dialect: Dialect, problem: &Problem, status: u16, keys: &[&str]| {
            let (code, body) = match dialect {
                Dialect::Tei => split(&tei::refuse(problem)),
                Dialect::CohereV1 => split(&cohere_v1::refuse(problem)),
                Dialect::CohereV2 => split(&cohere_v2::refuse(problem)),
                Dialect::Jina => split(&jina::refuse(problem)),
                Dialect::Vllm => split(&vllm::refuse(problem)),
                Dialect::Infinity => split(&infinity::refuse(problem)),
                Dialect::Voyage => split(&voyage::refuse(problem)),
                Dialect::LlamaCpp => split(&llama_cpp::refuse(problem)),
            };
            assert_eq!(code, status, "{dialect:?}");
            assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), keys, "{dialect:?}");
        };
        let (invalid, full) = (
            Problem::invalid("query", "`query` is missing"),
            Problem::Full(crate::compute::admission::Full { retry_after: 2 }),
        );
        check(Dialect::Tei, &invalid, 422, &["error", "error_type"]);
        check(Dialect::Tei, &Problem::Empty { field: "texts" }, 400, &["error", "error_type"]);
        check(Dialect::Tei, &full, 429, &["error", "error_type"]);
        check(Dialect::CohereV1, &invalid, 400, &["message"]);
        check(Dialect::CohereV2, &full, 429, &["message"]);
        check(Dialect::Jina, &invalid, 422, &["detail", "message", "error"]);
        check(Dialect::Vllm, &invalid, 400, &["error"]);
        check(Dialect::Vllm, &full, 503, &["error"]);
        check(Dialect::Infinity, &invalid, 422, &["error"]);
        check(Dialect::Voyage, &invalid, 400, &["detail"]);
        check(Dialect::LlamaCpp, &full, 503, &["error"]);
    }

    fn split<T: Serialize>((status, body): &(StatusCode, T)) -> (u16, serde_json::Value) {
        (status.as_u16(), serde_json::to_value(body).unwrap())
    }
}
