//! What may go wrong, and when.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Reply;
use super::wire::{self, Kind};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// 429 that says how long to wait, in milliseconds.
    RateLimited(u64),
    /// 429 that says so in the body of Google's compatible interface.
    RateLimitedInBody(u64),
    /// 429 that does not.
    RateLimitedSilently,
    ServerError,
    /// llama.cpp's 500 for an answer that is not of its format.
    OutputAstray,
    Overloaded,
    /// The answer comes in two halves, so far apart.
    Slow(Duration),
    /// The connection ends in the middle of the answer.
    Cut,
    /// The connection ends before the answer.
    CutAtOnce,
    InvalidJson,
    /// JSON, but no answer.
    NoChoices,
    EmptyContent,
    /// More bytes than the client takes.
    Huge(usize),
    ShapeRefused,
    NoQuota,
    BadKey,
    NoSuchModel,
    TooLong,
    /// 400 with these words.
    Invalid(&'static str),
    /// An answer with these headers.
    Headers(&'static [(&'static str, &'static str)]),
    /// `OpenRouter`'s refusal of a question by a moderator.
    Flagged,
}

impl Fault {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RateLimited(_) => "429 with Retry-After",
            Self::RateLimitedInBody(_) => "429 with RetryInfo",
            Self::RateLimitedSilently => "429 without Retry-After",
            Self::ServerError => "500",
            Self::OutputAstray => "500 about the output",
            Self::Overloaded => "529",
            Self::Slow(_) => "slow body",
            Self::Cut => "cut in the body",
            Self::CutAtOnce => "cut before the answer",
            Self::InvalidJson => "invalid JSON",
            Self::NoChoices => "JSON without an answer",
            Self::EmptyContent => "empty content",
            Self::Huge(_) => "huge answer",
            Self::ShapeRefused => "shape refused",
            Self::NoQuota => "no quota",
            Self::BadKey => "bad key",
            Self::NoSuchModel => "no such model",
            Self::TooLong => "too long",
            Self::Invalid(_) => "invalid request",
            Self::Headers(_) => "rate headers",
            Self::Flagged => "flagged",
        }
    }

    /// Whether the answer reaches the client in a form that it can keep.
    pub(crate) fn is_paid(&self) -> bool {
        matches!(self, Self::Slow(_) | Self::EmptyContent | Self::Headers(_))
    }

    pub(crate) fn reply(&self, kind: Kind, mark: &str) -> Reply {
        let error = |status, code, message| Reply::json(status, &wire::error(kind, status, code, message));
        let whole = || Reply::json(200, &wire::answer(kind, mark, &wire::text_for(mark)));
        match self {
            Self::RateLimited(milliseconds) if kind == Kind::Gemini => Reply::json(429, &retry_info(*milliseconds)),
            Self::RateLimitedInBody(milliseconds) => Reply::json(429, &json!([retry_info(*milliseconds)])),
            Self::RateLimited(milliseconds) => {
                error(429, "rate_limit_error", "slow down").with("retry-after-ms", &milliseconds.to_string())
            }
            Self::RateLimitedSilently => error(429, "rate_limit_error", "slow down"),
            Self::ServerError => error(500, "api_error", "it broke"),
            Self::OutputAstray => error(
                500,
                "server_error",
                "The model produced output that does not match the expected peg-native format",
            ),
            Self::Overloaded => error(529, "overloaded_error", "too many"),
            Self::Slow(_) | Self::Cut | Self::CutAtOnce => whole(),
            Self::Headers(headers) => headers.iter().fold(whole(), |reply, (name, value)| reply.with(name, value)),
            Self::InvalidJson => Reply::text(200, "{\"choices\": [{\"mess"),
            Self::NoChoices => Reply::json(200, &json!({ "object": "something else" })),
            Self::EmptyContent => Reply::json(200, &wire::answer(kind, mark, "")),
            Self::Huge(bytes) => Reply::json(200, &wire::answer(kind, mark, &"x".repeat(*bytes))),
            Self::ShapeRefused => error(
                400,
                "invalid_request_error",
                "'response_format', output_config and responseJsonSchema are not supported",
            ),
            Self::NoQuota => {
                match kind {
                    Kind::OpenAi => error(429, "insufficient_quota", "you exceeded your current quota"),
                    Kind::Anthropic => error(400, "invalid_request_error", "Your credit balance is too low"),
                    Kind::Gemini => {
                        let violations = json!([{ "quotaId": "GenerateRequestsPerDayPerProjectPerModel" }]);
                        let details = json!([{ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations }]);
                        let error = json!({ "code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": details });
                        Reply::json(429, &json!({ "error": error }))
                    }
                }
            }
            Self::BadKey => match kind {
                Kind::OpenAi => error(401, "invalid_api_key", "incorrect API key"),
                Kind::Anthropic => error(401, "authentication_error", "invalid x-api-key"),
                Kind::Gemini => error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            },
            Self::NoSuchModel => error(404, "not_found_error", "the model does not exist"),
            Self::Flagged => {
                let metadata = json!({ "reasons": ["violence"], "flagged_input": "..." });
                let message = "the model requires moderation and your input was flagged";
                Reply::json(403, &json!({ "error": { "code": 403, "message": message, "metadata": metadata } }))
            }
            Self::TooLong => error(
                400,
                "invalid_request_error",
                match kind {
                    // vLLM's words.
                    Kind::OpenAi => {
                        "'max_tokens' or 'max_completion_tokens' is too large: 16000. This model's maximum context length is \
                         8192 tokens and your request has 9000 input tokens"
                    }
                    Kind::Anthropic => "input length and `max_tokens` exceed context limit: 190000 + 16000 > 200000",
                    Kind::Gemini => "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                },
            ),
            Self::Invalid(message) => error(400, "invalid_request_error", message),
        }
    }
}

/// Google's error that says how long to wait.
fn retry_info(milliseconds: u64) -> Value {
    let delay = format!("{}s", milliseconds as f64 / 1000.0);
    let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }]);
    json!({ "error": { "code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": details } })
}

/// When which fault is served.
pub(crate) enum Faults {
    None,
    /// The first requests meet these, in this order.
    First(Mutex<Vec<Fault>>),
    /// Every request meets it.
    Always(Fault),
    /// Of each question's first attempts a share, chosen by its mark, meet one of these: the same in every run.
    Share {
        percent: u64,
        kinds: Vec<Fault>,
        attempts: Mutex<HashMap<String, u64>>,
    },
}

impl Faults {
    pub(crate) fn first(faults: &[Fault]) -> Self {
        Self::First(Mutex::new(faults.iter().rev().cloned().collect()))
    }

    pub(crate) fn share(percent: u64, kinds: Vec<Fault>) -> Self {
        Self::Share { percent, kinds, attempts: Mutex::default() }
    }

    pub(crate) fn next(&self, mark: &str) -> Option<Fault> {
        match self {
            Self::None => None,
            Self::First(left) => left.lock().unwrap().pop(),
            Self::Always(fault) => Some(fault.clone()),
            Self::Share { percent, kinds, attempts } => {
                let mut attempts = attempts.lock().unwrap();
                let attempt = attempts.entry(mark.to_owned()).or_default();
                *attempt += 1;
                // FNV-1a of the mark and the attempt.
                let bytes = mark.bytes().chain(attempt.to_le_bytes());
                let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
                });
                let hash = hash ^ (hash >> 29);
                (hash % 100 < *percent).then(|| kinds[(hash / 100) as usize % kinds.len()].clone())
            }
        }
    }
}
