//! `OpenAI`'s chat completions, and the servers that speak them.

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use crate::chat::{AnswerShape, ChatRequest, Effort, Role};
use crate::clients::endpoint::{Endpoint, Provider};
use crate::clients::gemini::read_details;
use crate::clients::trouble::{Trouble, WireError};
use crate::clients::{ChatAnswer, Finish, Outgoing, Usage, number_at, text_at, thoughts};
use crate::ladder::Rung;
use crate::pace::rates::{Rates, Window};

// ---- to the wire

/// The path of chat completions below the base URL.
pub const PATH: &str = "/chat/completions";

pub(super) fn to_wire(endpoint: &Endpoint, request: &ChatRequest, rung: Rung) -> Outgoing {
    Outgoing::post(format!("{}{PATH}", endpoint.base_url()), body(endpoint.provider, request, rung))
}

/// The body of a request, also as it stands in a batch.
pub(crate) fn body(provider: Provider, request: &ChatRequest, rung: Rung) -> Value {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    messages.extend(request.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    }));
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), json!(messages));
    // OpenAI's newer models refuse `max_tokens`; most other servers know no other word.
    let limit = if provider == Provider::OpenAi { "max_completion_tokens" } else { "max_tokens" };
    body.insert(limit.to_owned(), json!(request.max_tokens));
    if let Some(format) = response_format(&request.shape, rung) {
        body.insert("response_format".to_owned(), format);
    }
    if let Some(effort) = request.effort {
        body.insert("reasoning_effort".to_owned(), json!(effort_word(effort)));
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(seed) = request.seed {
        body.insert("seed".to_owned(), json!(seed));
    }
    Value::Object(body)
}

fn response_format(shape: &AnswerShape, rung: Rung) -> Option<Value> {
    match (shape, rung) {
        (AnswerShape::Schema { name, schema }, Rung::Schema) => Some(json!({
            "type": "json_schema",
            "json_schema": { "name": name, "schema": schema, "strict": true },
        })),
        (AnswerShape::Schema { .. } | AnswerShape::Json, Rung::Json) | (AnswerShape::Json, Rung::Schema) => {
            Some(json!({ "type": "json_object" }))
        }
        (AnswerShape::Text, _) | (_, Rung::Text) => None,
    }
}

fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "max",
    }
}

// ---- from the wire

pub(crate) fn from_wire(raw: Value) -> Result<ChatAnswer, Trouble> {
    let choice = raw.pointer("/choices/0").filter(|choice| choice.get("message").is_some_and(Value::is_object));
    let Some(choice) = choice else {
        // OpenRouter answers 200 with an error inside when its own provider fails.
        let message = text_at(&raw, "/error/message");
        let what = if message.is_empty() { "an answer without choices".to_owned() } else { message };
        return Err(Trouble::Malformed(what));
    };
    let (content, in_parts) = content(choice);
    let refusal = text_at(choice, "/message/refusal");
    let (text, in_text) = thoughts::split(&content);
    let mut thought = if in_parts.is_empty() { in_text } else { in_parts };
    for field in ["/message/reasoning_content", "/message/reasoning"] {
        if thought.is_empty() {
            thought = text_at(choice, field);
        }
    }
    let finish = match choice.get("finish_reason").and_then(Value::as_str) {
        _ if !refusal.is_empty() => Finish::Refused,
        Some("stop") | None => Finish::Stop,
        Some("length") => Finish::Length,
        Some("content_filter") => Finish::Refused,
        Some(other) => Finish::Other(other.to_owned()),
    };
    let usage = Usage {
        input: number_at(&raw, "/usage/prompt_tokens"),
        output: number_at(&raw, "/usage/completion_tokens"),
        cached: number_at(&raw, "/usage/prompt_tokens_details/cached_tokens"),
        reasoning: number_at(&raw, "/usage/completion_tokens_details/reasoning_tokens"),
    };
    let text = if text.is_empty() { refusal } else { text };
    Ok(ChatAnswer { text, thoughts: thought, usage, finish, model: text_at(&raw, "/model"), raw })
}

/// The content of an answer, and the thoughts in it: a text, or with some servers a list of parts.
fn content(choice: &Value) -> (String, String) {
    let Some(parts) = choice.pointer("/message/content").and_then(Value::as_array) else {
        return (text_at(choice, "/message/content"), String::new());
    };
    let (mut text, mut thought) = (String::new(), String::new());
    for part in parts {
        text.push_str(&text_at(part, "/text"));
        // A thought is a text, or a list of parts of its own.
        thought.push_str(&text_at(part, "/thinking"));
        let inner = part.get("thinking").and_then(Value::as_array);
        thought.extend(inner.into_iter().flatten().map(|part| text_at(part, "/text")));
    }
    (text, thought)
}

// ---- errors

/// `{"error":{"message","type","param","code"}}`; some servers put `message` at the top, or a string into `error`.
pub(super) fn read_error(value: &Value, error: &mut WireError) {
    // Google wraps the error into a list of one.
    let value = value.get(0).unwrap_or(value);
    let places = ["/error/message", "/message", "/error", "/detail"];
    if let Some(message) = places.iter().map(|place| text_at(value, place)).find(|message| !message.is_empty()) {
        error.message = message;
    }
    let places = ["/error/code", "/error/type", "/error/status"];
    error.code = places.iter().map(|place| text_at(value, place)).find(|code| !code.is_empty()).unwrap_or_default();
    error.param = text_at(value, "/error/param");
    let exhausted = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];
    error.exhausted = exhausted.contains(&error.code.as_str()) || text_at(value, "/error/type") == "insufficient_quota";
    error.bad_key = error.code == "invalid_api_key";
    // OpenRouter answers 403, as to a bad key, where a moderator refuses a question.
    error.flagged = value.pointer("/error/metadata/reasons").is_some_and(Value::is_array);
    read_details(value, error);
}

// ---- rate headers

/// `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, resets as `6m0s`, `1.5s`, `20ms`.
pub(super) fn rates(headers: &HeaderMap) -> Rates {
    let window = |of: &str| {
        let read = |part: &str| headers.get(format!("x-ratelimit-{part}-{of}"))?.to_str().ok();
        Some(Window {
            limit: read("limit")?.parse().ok()?,
            remaining: read("remaining")?.parse().ok()?,
            reset_ms: read("reset").and_then(duration_ms),
        })
    };
    Rates { requests: window("requests"), tokens: window("tokens") }
}

/// Milliseconds of a duration as Go writes it: `1h2m3.5s`, `120ms`; a bare number means seconds.
fn duration_ms(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some((seconds * 1000.0) as u64);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        total += number
            * match &rest[digits..unit_end] {
                "d" => 86_400_000.0,
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1000.0,
                "ms" => 1.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Some(total as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_read_in_every_unit() {
        let read = ["6m0s", "1.5s", "20ms", "1h1m1s", "3", "", "soon"].map(duration_ms);
        assert_eq!(read, [Some(360_000), Some(1500), Some(20), Some(3_661_000), Some(3000), Some(0), None]);
    }
}
