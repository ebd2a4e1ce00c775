//! Google's generateContent.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use crate::chat::{AnswerShape, ChatRequest, Effort, Role};
use crate::clients::endpoint::Endpoint;
use crate::clients::trouble::{Trouble, WireError};
use crate::clients::{ChatAnswer, Finish, Outgoing, Usage, number_at, text_at, thoughts};
use crate::ladder::Rung;
use crate::pace::rates::Rates;

// ---- to the wire

pub(super) fn to_wire(endpoint: &Endpoint, request: &ChatRequest, rung: Rung) -> Outgoing {
    Outgoing::post(method_url(endpoint, &request.model, "generateContent"), body(request, rung))
}

/// The address of a method of a model, named with or without `models/`.
pub(crate) fn method_url(endpoint: &Endpoint, model: &str, method: &str) -> String {
    let model = model.strip_prefix("models/").unwrap_or(model);
    format!("{}/models/{model}:{method}", endpoint.base_url())
}

/// The body of a request, also as it stands in a batch.
pub(crate) fn body(request: &ChatRequest, rung: Rung) -> Value {
    let contents = request.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        json!({ "role": role, "parts": [{ "text": turn.text }] })
    });
    let contents: Vec<Value> = contents.collect();
    let mut config = Map::new();
    config.insert("maxOutputTokens".to_owned(), json!(request.max_tokens));
    match (&request.shape, rung) {
        (AnswerShape::Schema { schema, .. }, Rung::Schema) => {
            config.insert("responseMimeType".to_owned(), json!("application/json"));
            config.insert("responseJsonSchema".to_owned(), schema.clone());
        }
        (AnswerShape::Schema { .. } | AnswerShape::Json, Rung::Json) | (AnswerShape::Json, Rung::Schema) => {
            config.insert("responseMimeType".to_owned(), json!("application/json"));
        }
        (AnswerShape::Text, _) | (_, Rung::Text) => {}
    }
    if let Some(effort) = request.effort {
        config.insert("thinkingConfig".to_owned(), thinking(effort));
    }
    if let Some(temperature) = request.temperature {
        config.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(seed) = request.seed {
        // The field holds 32 bits with a sign.
        config.insert("seed".to_owned(), json!(seed & 0x7fff_ffff));
    }
    let mut body = Map::new();
    if !request.system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({ "parts": [{ "text": request.system }] }));
    }
    body.insert("contents".to_owned(), json!(contents));
    body.insert("generationConfig".to_owned(), Value::Object(config));
    Value::Object(body)
}

fn thinking(effort: Effort) -> Value {
    match effort {
        Effort::None => json!({ "thinkingBudget": 0 }),
        Effort::Minimal => json!({ "thinkingLevel": "minimal" }),
        Effort::Low => json!({ "thinkingLevel": "low" }),
        Effort::Medium => json!({ "thinkingLevel": "medium" }),
        Effort::High | Effort::Max => json!({ "thinkingLevel": "high" }),
    }
}

// ---- from the wire

pub(crate) fn from_wire(raw: Value) -> Result<ChatAnswer, Trouble> {
    let blocked = text_at(&raw, "/promptFeedback/blockReason");
    let candidate = raw.pointer("/candidates/0").filter(|candidate| candidate.is_object());
    if candidate.is_none() && blocked.is_empty() {
        return Err(Trouble::Malformed("an answer without candidates".to_owned()));
    }
    let empty = Vec::new();
    let parts = candidate.and_then(|candidate| candidate.pointer("/content/parts")?.as_array()).unwrap_or(&empty);
    let is_thought = |part: &Value| part.get("thought").and_then(Value::as_bool) == Some(true);
    let joined = |wanted: bool| -> String {
        parts.iter().filter(|part| is_thought(part) == wanted).map(|part| text_at(part, "/text")).collect()
    };
    let (text, in_text) = thoughts::split(&joined(false));
    let in_parts = joined(true);
    let thoughts = if in_parts.is_empty() { in_text } else { in_parts };
    let finish = match candidate.and_then(|candidate| candidate.get("finishReason")?.as_str()) {
        _ if !blocked.is_empty() => Finish::Refused,
        Some("STOP") | None => Finish::Stop,
        Some("MAX_TOKENS") => Finish::Length,
        Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII") => Finish::Refused,
        Some(other) => Finish::Other(other.to_owned()),
    };
    // Thoughts are counted beside the answer, and paid like it.
    let reasoning = number_at(&raw, "/usageMetadata/thoughtsTokenCount");
    let usage = Usage {
        input: number_at(&raw, "/usageMetadata/promptTokenCount"),
        output: number_at(&raw, "/usageMetadata/candidatesTokenCount") + reasoning,
        cached: number_at(&raw, "/usageMetadata/cachedContentTokenCount"),
        reasoning,
    };
    Ok(ChatAnswer { text, thoughts, usage, finish, model: text_at(&raw, "/modelVersion"), raw })
}

// ---- errors

/// `{"error":{"code","message","status","details":[{"@type":"...RetryInfo","retryDelay":"12s"}]}}`
pub(super) fn read_error(value: &Value, error: &mut WireError) {
    // Some paths wrap the error into a list of one.
    let value = value.get(0).unwrap_or(value);
    let message = text_at(value, "/error/message");
    if !message.is_empty() {
        error.message = message;
    }
    error.code = text_at(value, "/error/status");
    read_details(value, error);
}

/// What Google's errors hold besides, also those of its interface that is compatible with `OpenAI`'s.
pub(super) fn read_details(value: &Value, error: &mut WireError) {
    let empty = Vec::new();
    let details = value.pointer("/error/details").and_then(Value::as_array).unwrap_or(&empty);
    for detail in details {
        let kind = text_at(detail, "/@type");
        if kind.ends_with("RetryInfo") {
            let seconds = text_at(detail, "/retryDelay").trim_end_matches('s').parse::<f64>();
            let seconds = seconds.ok().filter(|seconds| (0.0..1e7).contains(seconds));
            error.after = seconds.map(Duration::from_secs_f64).or(error.after);
        }
        if kind.ends_with("QuotaFailure") {
            let violations = detail.get("violations").and_then(Value::as_array).unwrap_or(&empty);
            error.exhausted |= violations.iter().any(|violation| text_at(violation, "/quotaId").contains("PerDay"));
        }
        error.bad_key |= text_at(detail, "/reason") == "API_KEY_INVALID";
    }
    error.bad_key |= error.message.contains("API key not valid");
}

// ---- rate headers

/// Gemini sends none: its limits are learned from `RetryInfo` alone.
pub(super) fn rates(_headers: &HeaderMap) -> Rates {
    Rates::default()
}
