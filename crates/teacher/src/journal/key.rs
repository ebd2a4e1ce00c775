//! The key under which an answer is kept: the same question to the same model has the same key, any other has another.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chat::{AnswerShape, ChatRequest, Effort, Role};
use crate::clients::endpoint::Endpoint;
use crate::digest::hexadecimal;

/// One question for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The caller's name for it, handed back untouched; no part of the key.
    pub tag: String,
    /// The hash of the prompt that made the request.
    pub prompt_hash: String,
    /// Which of several samples of the same request this is, from 0.
    pub sample: u32,
    /// The request.
    pub request: ChatRequest,
}

/// The key of an answer: a SHA-256 in 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskKey(String);

impl AskKey {
    /// The key of a question to an endpoint. Each field goes in with its name and length, so that no two questions
    /// share a key; the key of the endpoint and its API version do not count.
    pub fn of(endpoint: &Endpoint, ask: &Ask) -> Self {
        let Ask { tag: _, prompt_hash, sample, request } = ask;
        let ChatRequest { model, system, turns, shape, max_tokens, temperature, effort, seed } = request;
        let mut hash = Fields(Sha256::new());
        hash.field("version", b"1");
        hash.field("provider", endpoint.provider.name().as_bytes());
        hash.field("base_url", endpoint.base_url().as_bytes());
        hash.field("model", model.as_bytes());
        hash.field("prompt", prompt_hash.as_bytes());
        hash.field("max_tokens", &max_tokens.to_le_bytes());
        hash.optional("temperature", temperature.map(|value| value.to_bits().to_le_bytes()).as_ref());
        hash.optional("effort", effort.map(effort_name).map(str::as_bytes));
        hash.optional("seed", seed.map(u64::to_le_bytes).as_ref());
        match shape {
            AnswerShape::Schema { name, schema } => {
                hash.field("schema_name", name.as_bytes());
                hash.field("schema", schema.to_string().as_bytes());
            }
            AnswerShape::Json => hash.field("json", b""),
            AnswerShape::Text => hash.field("text", b""),
        }
        hash.field("system", system.as_bytes());
        for turn in turns {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            hash.field(role, turn.text.as_bytes());
        }
        hash.field("sample", &sample.to_le_bytes());
        Self(hexadecimal(&hash.0.finalize()))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_row(digits: String) -> Self {
        Self(digits)
    }
}

impl fmt::Display for AskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn effort_name(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "max",
    }
}

/// A hash over named fields; each name and value is preceded by its length.
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    fn optional<T: AsRef<[u8]> + ?Sized>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.field(name, value.as_ref());
        }
    }
}
