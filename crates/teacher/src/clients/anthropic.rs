//! Anthropic's messages.

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use crate::chat::{AnswerShape, ChatRequest, Effort, Role};
use crate::clients::endpoint::Endpoint;
use crate::clients::trouble::{Trouble, WireError};
use crate::clients::{ChatAnswer, Finish, Outgoing, Usage, number_at, text_at, thoughts};
use crate::ladder::Rung;
use crate::pace::rates::{Rates, Window};

// ---- to the wire

/// The path of messages below the base URL.
pub const PATH: &str = "/v1/messages";

pub(super) fn to_wire(endpoint: &Endpoint, request: &ChatRequest, rung: Rung) -> Outgoing {
    Outgoing::post(format!("{}{PATH}", endpoint.base_url()), body(request, rung))
}

/// The body of a request, also as it stands in a batch. There is no seed, and no JSON without a schema.
pub(crate) fn body(request: &ChatRequest, rung: Rung) -> Value {
    let messages = request.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    });
    let messages: Vec<Value> = messages.collect();
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert("max_tokens".to_owned(), json!(request.max_tokens));
    if !request.system.is_empty() {
        body.insert("system".to_owned(), json!(request.system));
    }
    body.insert("messages".to_owned(), json!(messages));
    let mut output = Map::new();
    if let (AnswerShape::Schema { schema, .. }, Rung::Schema) = (&request.shape, rung) {
        output.insert("format".to_owned(), json!({ "type": "json_schema", "schema": schema }));
    }
    match request.effort {
        Some(Effort::None) => {
            body.insert("thinking".to_owned(), json!({ "type": "disabled" }));
        }
        Some(effort) => {
            body.insert("thinking".to_owned(), json!({ "type": "adaptive" }));
            output.insert("effort".to_owned(), json!(effort_word(effort)));
        }
        None => {}
    }
    if !output.is_empty() {
        body.insert("output_config".to_owned(), Value::Object(output));
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), json!(temperature));
    }
    Value::Object(body)
}

fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "max",
    }
}

// ---- from the wire

pub(crate) fn from_wire(raw: Value) -> Result<ChatAnswer, Trouble> {
    let Some(blocks) = raw.get("content").and_then(Value::as_array) else {
        return Err(Trouble::Malformed("an answer without content".to_owned()));
    };
    let joined = |kind: &str| -> String {
        let of_kind = blocks.iter().filter(|block| block.get("type").and_then(Value::as_str) == Some(kind));
        of_kind.map(|block| text_at(block, &format!("/{kind}"))).collect()
    };
    let (text, in_text) = thoughts::split(&joined("text"));
    let thinking = joined("thinking");
    let thoughts = if thinking.is_empty() { in_text } else { thinking };
    let finish = match raw.get("stop_reason").and_then(Value::as_str) {
        Some("end_turn" | "stop_sequence") | None => Finish::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("refusal") => Finish::Refused,
        Some(other) => Finish::Other(other.to_owned()),
    };
    // Tokens from and into the cache are counted beside the others.
    let cached = number_at(&raw, "/usage/cache_read_input_tokens");
    let input = number_at(&raw, "/usage/input_tokens") + number_at(&raw, "/usage/cache_creation_input_tokens") + cached;
    let usage = Usage { input, output: number_at(&raw, "/usage/output_tokens"), cached, reasoning: 0 };
    Ok(ChatAnswer { text, thoughts, usage, finish, model: text_at(&raw, "/model"), raw })
}

// ---- errors

/// `{"type":"error","error":{"type","message"},"request_id"}`
pub(super) fn read_error(value: &Value, error: &mut WireError) {
    let message = text_at(value, "/error/message");
    if !message.is_empty() {
        error.message = message;
    }
    error.code = text_at(value, "/error/type");
    let no_credit = error.message.to_lowercase().contains("credit balance is too low");
    error.exhausted = error.code == "billing_error" || no_credit;
    error.bad_key = error.code == "authentication_error";
}

// ---- rate headers

/// `anthropic-ratelimit-{requests,input-tokens,output-tokens}-{limit,remaining,reset}`, resets as RFC 3339 times. The
/// tokens are those of the input; what is left of the output counts where it is scarcer.
pub(super) fn rates(headers: &HeaderMap, now_ms: u64) -> Rates {
    let window = |of: &str| {
        let read = |part: &str| headers.get(format!("anthropic-ratelimit-{of}-{part}"))?.to_str().ok();
        let reset = read("reset").and_then(rfc3339_ms);
        Some(Window {
            limit: read("limit")?.parse().ok()?,
            remaining: read("remaining")?.parse().ok()?,
            reset_ms: reset.map(|at| at.saturating_sub(now_ms)),
        })
    };
    let left = |window: &Window| window.remaining as f64 / window.limit.max(1) as f64;
    let tokens = match (window("input-tokens"), window("output-tokens")) {
        (Some(input), Some(output)) if left(&output) < left(&input) => Some(output),
        (input, output) => input.or(output),
    };
    Rates { requests: window("requests"), tokens }
}

/// Milliseconds since 1970 of `2026-11-25T03:04:05Z`, with or without a fraction and an offset.
pub(crate) fn rfc3339_ms(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let rest = text.get(19..)?;
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            sign * (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
        }
    };
    // Days since 1970 of a date (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
    u64::try_from(seconds * 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_zone() {
        // date -u -d 2026-11-25T03:04:05Z +%s
        let expected = Some(1_795_575_845_000);
        for text in ["2026-11-25T03:04:05Z", "2026-11-25T03:04:05.123Z", "2026-11-25T05:04:05+02:00"] {
            assert_eq!(rfc3339_ms(text), expected, "{text}");
        }
        assert_eq!(rfc3339_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339_ms("soon"), None);
    }
}
