//! What can go wrong with a request, as decisions.

use std::time::Duration;

use reqwest::header::HeaderMap;
use thiserror::Error;

use crate::clients::endpoint::{Endpoint, Provider};
use crate::pace::retry_after::retry_after;

/// Why a request brought no answer, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// The same request may succeed later.
    #[error("{what}")]
    Retry {
        /// The kind, under which it is counted.
        kind: &'static str,
        /// What the provider or the network said.
        what: String,
        /// How long the provider asks to wait.
        after: Option<Duration>,
        /// The request was sent and may have been answered and paid before the line broke.
        perhaps_paid: bool,
    },
    /// The endpoint does not take the shape of answer that was asked: ask for a looser one.
    #[error("the shape of the answer was refused: {0}")]
    ShapeRefused(String),
    /// An answer that is none of this interface, or too large: counted, and asked again a few times.
    #[error("{0}")]
    Malformed(String),
    /// This request is refused, and would be again; others may go through.
    #[error("{0}")]
    Refused(String),
    /// No request will go through before somebody does something.
    #[error("{what}; {advice}")]
    Stop {
        /// What the provider said.
        what: String,
        /// What to do.
        advice: String,
    },
}

impl Trouble {
    /// The kind under which it is counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Retry { kind, .. } => kind,
            Self::ShapeRefused(_) => "shape refused",
            Self::Malformed(_) => "malformed",
            Self::Refused(_) => "refused",
            Self::Stop { .. } => "stop",
        }
    }

    /// Whether no answer of any kind came, or only that the first sending is still being worked on (409).
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Retry { kind: "no connection" | "timed out" | "cut off" | "told to ask again", .. })
    }

    /// Whether the account has asked for too much of late, which says nothing of this request.
    pub(crate) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Retry { kind: RATE_LIMITED, .. })
    }

    pub(crate) fn line(kind: &'static str, what: String, perhaps_paid: bool) -> Self {
        Self::Retry { kind, what, after: None, perhaps_paid }
    }
}

const RATE_LIMITED: &str = "rate limited";

/// What an answer without success says, whoever it comes from.
pub(super) struct WireError {
    pub(super) status: u16,
    /// The provider's word for the kind: `OpenAI`'s `code`, Anthropic's `type`, Gemini's `status`.
    pub(super) code: String,
    pub(super) message: String,
    /// The field of the request that is refused, where it is said.
    pub(super) param: String,
    /// No quota or no money is left.
    pub(super) exhausted: bool,
    /// The key is refused, whatever the status says.
    pub(super) bad_key: bool,
    /// The question is refused for what it says, whatever the status says.
    pub(super) flagged: bool,
    pub(super) after: Option<Duration>,
    /// The provider says whether to ask again (`x-should-retry`).
    pub(super) should_retry: Option<bool>,
}

/// The fields of requests that ask for the shape of the answer.
const SHAPE_WORDS: [&str; 9] = [
    "response_format",
    "json_schema",
    "json_object",
    "output_config",
    "output_format",
    "responsejsonschema",
    "response_json_schema",
    "responsemimetype",
    "response_mime_type",
];

/// Settings that a model may not take: every request would be refused for them.
const SETTINGS: [(&str, &str); 7] = [
    ("temperature", "leave the temperature out"),
    ("reasoning_effort", "leave the effort out, or choose another"),
    ("effort", "leave the effort out, or choose another"),
    ("thinking", "leave the effort out, or choose another"),
    ("seed", "leave the seed out"),
    ("max_completion_tokens", "use provider compatible for servers other than OpenAI's, or fewer tokens"),
    ("max_tokens", "use provider openai for OpenAI's own models, or fewer tokens"),
];

/// Said of a question that is too long, whatever setting is named beside it: that question is refused, not the setting.
const LENGTH_WORDS: [&str; 4] = ["context length", "context limit", "context window", "input tokens"];

/// Whether an error is about the shape that was asked of the answer.
pub(crate) fn is_about_shape(message: &str) -> bool {
    // Anthropic's field for the shape holds the effort too.
    let lower = message.to_lowercase().replace("output_config.effort", "effort");
    SHAPE_WORDS.iter().any(|word| lower.contains(word))
}

impl WireError {
    pub(super) fn of(status: u16, headers: &HeaderMap, body: &[u8], now_ms: u64) -> Self {
        let start = &body[..body.len().min(400)];
        let should_retry = headers.get("x-should-retry").and_then(|value| value.to_str().ok());
        Self {
            status,
            code: String::new(),
            message: String::from_utf8_lossy(start).trim().to_owned(),
            param: String::new(),
            exhausted: false,
            bad_key: false,
            flagged: false,
            after: retry_after(headers, now_ms),
            should_retry: should_retry.and_then(|value| value.parse().ok()),
        }
    }

    /// The decision, the same for all providers once they are read.
    pub(super) fn decide(self, endpoint: &Endpoint) -> Trouble {
        let provider = endpoint.provider;
        let what = match self.code.as_str() {
            "" => format!("{} answered {}: {}", provider.name(), self.status, self.message),
            code => format!("{} answered {} ({code}): {}", provider.name(), self.status, self.message),
        };
        let stop = |what: String, advice: &str| Trouble::Stop { what, advice: advice.to_owned() };
        if self.exhausted || self.status == 402 {
            return stop(what, "raise the quota or add credit, then run again: paid answers are kept");
        }
        if self.flagged {
            return Trouble::Refused(what);
        }
        if self.bad_key || matches!(self.status, 401 | 403) {
            let advice = format!("check the key in {} and what it may use", provider.key_variable());
            return stop(what, &advice);
        }
        match self.status {
            300..=399 => stop(what, "the base URL is forwarded elsewhere: give the final one"),
            404 | 405 => stop(what, "check the name of the model and the base URL"),
            // Of an error of its own a server cannot know whether it would come again.
            ..500 if self.should_retry == Some(false) => Trouble::Refused(what),
            // llama.cpp says so of an answer that broke off or went astray: the server is well, the model is not.
            500 if self.message.contains("The model produced output that does not match") => Trouble::Malformed(what),
            408 | 409 | 425 | 429 | 500.. => {
                let kind = match self.status {
                    429 => RATE_LIMITED,
                    408 | 409 | 425 => "told to ask again",
                    503 | 529 => "overloaded",
                    _ => "server error",
                };
                Trouble::Retry { kind, what, after: self.after, perhaps_paid: false }
            }
            400 | 422 => self.about_the_request(what, provider),
            _ => Trouble::Refused(what),
        }
    }

    fn about_the_request(self, what: String, provider: Provider) -> Trouble {
        let lower = format!("{} {}", self.param, self.message).to_lowercase();
        if LENGTH_WORDS.iter().any(|words| lower.contains(words)) {
            return Trouble::Refused(what);
        }
        if is_about_shape(&lower) {
            return Trouble::ShapeRefused(what);
        }
        // Providers name the setting in `param` or quote it; a plain mention may be about the length of this request.
        let named = |word: &str| {
            self.param.ends_with(word)
                || (provider != Provider::OpenAi
                    && (lower.contains(&format!("{word}:")) || lower.contains(&format!("`{word}`"))))
                || lower.contains(&format!("'{word}'"))
        };
        match SETTINGS.iter().find(|(word, _)| named(word)) {
            Some((_, advice)) => Trouble::Stop { what, advice: (*advice).to_owned() },
            None => Trouble::Refused(what),
        }
    }
}
