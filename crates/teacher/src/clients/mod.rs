//! The providers: what each is sent, and what is read of its answers. One file a provider, each with the same parts
//! in the same order: to the wire, from the wire, errors, rate headers. Nothing here touches the network but `transport`.

pub mod anthropic;
pub mod endpoint;
pub mod gemini;
pub mod openai;
mod thoughts;
pub mod transport;
pub mod trouble;

use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::ChatRequest;
use crate::clients::endpoint::{Endpoint, Provider};
use crate::clients::trouble::{Trouble, WireError};
use crate::ladder::Rung;
use crate::pace::rates::Rates;

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatAnswer {
    /// The answer, without thoughts; may be empty.
    pub text: String,
    /// What the model thought aloud before; may be empty.
    pub thoughts: String,
    /// Tokens used.
    pub usage: Usage,
    /// Why the answer ended.
    pub finish: Finish,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// The provider's whole answer.
    pub raw: Value,
}

/// Tokens used by one request; 0 where the provider does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, those from a cache included.
    pub input: u64,
    /// Tokens written, thoughts included.
    pub output: u64,
    /// Tokens read that came from a cache.
    pub cached: u64,
    /// Tokens written that were thoughts.
    pub reasoning: u64,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The limit of tokens was reached: the answer breaks off.
    Length,
    /// The model or the provider's filter refused.
    Refused,
    /// Something else, in the provider's word.
    Other(String),
}

/// One HTTP request, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// GET or POST.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// What goes into the body.
    pub body: Body,
    /// The name under which a server that knows `Idempotency-Key` answers, and bills, once. A few gateways do; of the
    /// large providers no such key is known to us, so that an answer on the wire at a kill is asked, and paid, again.
    pub idempotency_key: Option<String>,
}

/// The HTTP methods that the providers' interfaces need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Asks or creates.
    Post,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// A file of JSON lines for batches, as a multipart form with `purpose=batch`.
    File {
        /// The name of the file, by which it can be found again.
        name: String,
        /// JSON lines.
        bytes: Vec<u8>,
    },
}

impl Outgoing {
    pub(crate) fn get(url: String) -> Self {
        Self { method: Method::Get, url, body: Body::Empty, idempotency_key: None }
    }

    pub(crate) fn post(url: String, body: Value) -> Self {
        Self { method: Method::Post, url, body: Body::Json(body), idempotency_key: None }
    }
}

/// The request as the provider wants it, its shape at this rung of the ladder.
pub fn to_wire(endpoint: &Endpoint, request: &ChatRequest, rung: Rung) -> Outgoing {
    match endpoint.provider {
        Provider::OpenAi | Provider::Compatible => openai::to_wire(endpoint, request, rung),
        Provider::Anthropic => anthropic::to_wire(endpoint, request, rung),
        Provider::Gemini => gemini::to_wire(endpoint, request, rung),
    }
}

/// The provider's answer, read.
pub fn from_wire(provider: Provider, body: Value) -> Result<ChatAnswer, Trouble> {
    match provider {
        Provider::OpenAi | Provider::Compatible => openai::from_wire(body),
        Provider::Anthropic => anthropic::from_wire(body),
        Provider::Gemini => gemini::from_wire(body),
    }
}

/// What to do about an answer of an HTTP status that is no success. `now_ms` is needed for dates in headers.
pub fn trouble(endpoint: &Endpoint, status: u16, headers: &HeaderMap, body: &[u8], now_ms: u64) -> Trouble {
    let mut error = WireError::of(status, headers, body, now_ms);
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match endpoint.provider {
        Provider::OpenAi | Provider::Compatible => openai::read_error(&value, &mut error),
        Provider::Anthropic => anthropic::read_error(&value, &mut error),
        Provider::Gemini => gemini::read_error(&value, &mut error),
    }
    error.decide(endpoint)
}

/// What the provider says of its rate limits.
pub fn rates(provider: Provider, headers: &HeaderMap, now_ms: u64) -> Rates {
    match provider {
        Provider::OpenAi | Provider::Compatible => openai::rates(headers),
        Provider::Anthropic => anthropic::rates(headers, now_ms),
        Provider::Gemini => gemini::rates(headers),
    }
}

pub(crate) fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn number_at(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}
