//! The providers' formats, as written in their references; nothing here is shared with the code under test.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    OpenAi,
    Anthropic,
    Gemini,
}

impl Kind {
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        match path {
            path if path.ends_with("/chat/completions") => Some(Self::OpenAi),
            path if path.ends_with("/v1/messages") => Some(Self::Anthropic),
            path if path.ends_with(":generateContent") => Some(Self::Gemini),
            _ => None,
        }
    }
}

/// The last `<<mark>>` in a body.
pub(crate) fn mark(body: &str) -> String {
    let start = body.rfind("<<").map(|start| start + 2);
    start.and_then(|start| Some(&body[start..start + body[start..].find(">>")?])).unwrap_or_default().to_owned()
}

/// The answer that belongs to a mark.
pub(crate) fn text_for(mark: &str) -> String {
    format!("{{\"mark\":\"{mark}\"}}")
}

pub(crate) fn answer(kind: Kind, mark: &str, text: &str) -> Value {
    match kind {
        Kind::OpenAi => json!({
            "id": format!("chatcmpl-{mark}"), "object": "chat.completion", "created": 1, "model": "served-model",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text, "refusal": null },
                          "finish_reason": "stop", "logprobs": null }],
            "usage": { "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                       "prompt_tokens_details": { "cached_tokens": 40 },
                       "completion_tokens_details": { "reasoning_tokens": 5 } },
            "system_fingerprint": "fp", "service_tier": "default",
        }),
        Kind::Anthropic => json!({
            "id": format!("msg_{mark}"), "type": "message", "role": "assistant",
            "content": [{ "type": "thinking", "thinking": "hm", "signature": "s" }, { "type": "text", "text": text }],
            "model": "served-model", "stop_reason": "end_turn", "stop_sequence": null,
            "usage": { "input_tokens": 60, "output_tokens": 20, "cache_creation_input_tokens": 0,
                       "cache_read_input_tokens": 40, "service_tier": "standard" },
        }),
        Kind::Gemini => json!({
            "candidates": [{ "content": { "role": "model", "parts": [{ "text": "hm", "thought": true }, { "text": text }] },
                             "finishReason": "STOP", "index": 0 }],
            "usageMetadata": { "promptTokenCount": 100, "candidatesTokenCount": 15, "thoughtsTokenCount": 5,
                               "cachedContentTokenCount": 40, "totalTokenCount": 120 },
            "modelVersion": "served-model", "responseId": mark,
        }),
    }
}

/// An error body. `code` is `OpenAI`'s code, Anthropic's type, Gemini's status.
pub(crate) fn error(kind: Kind, status: u16, code: &str, message: &str) -> Value {
    match kind {
        Kind::OpenAi => json!({ "error": { "message": message, "type": code, "param": null, "code": code } }),
        Kind::Anthropic => {
            json!({ "type": "error", "error": { "type": code, "message": message }, "request_id": "req_1" })
        }
        Kind::Gemini => json!({ "error": { "code": status, "message": message, "status": code, "details": [] } }),
    }
}
