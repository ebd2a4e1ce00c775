//! Anthropic's message batches: one request with all questions. They carry no name of ours; one whose making was
//! interrupted is known by the custom ids of its results.

use serde_json::{Value, json};

use crate::batches::{Ended, Item, ItemTrouble, Limits, Listed, Progress};
use crate::chat::ChatRequest;
use crate::clients::anthropic::{body, rfc3339_ms};
use crate::clients::endpoint::Endpoint;
use crate::clients::trouble::Trouble;
use crate::clients::{Outgoing, number_at, text_at};
use crate::ladder::Rung;

// ---- limits

/// 100,000 requests or 256 MB.
pub(super) const LIMITS: Limits = Limits { items: 100_000, bytes: 250_000_000 };

// ---- to create

pub(super) fn line(custom_id: &str, request: &ChatRequest, rung: Rung) -> Value {
    json!({ "custom_id": custom_id, "params": body(request, rung) })
}

pub(super) fn create(endpoint: &Endpoint, lines: &[Value]) -> Outgoing {
    Outgoing::post(address(endpoint), json!({ "requests": lines }))
}

fn address(endpoint: &Endpoint) -> String {
    format!("{}/v1/messages/batches", endpoint.base_url())
}

// ---- to find again

pub(super) fn list(endpoint: &Endpoint, after: Option<&str>) -> Outgoing {
    let after = after.map(|after| format!("&after_id={after}")).unwrap_or_default();
    Outgoing::get(format!("{}?limit=100{after}", address(endpoint)))
}

pub(super) fn listed(body: &Value) -> (Vec<Listed>, Option<String>) {
    let empty = Vec::new();
    let data = body.get("data").and_then(Value::as_array).unwrap_or(&empty);
    let batches = data.iter().map(|batch| Listed {
        remote_id: text_at(batch, "/id"),
        id: None,
        created_ms: rfc3339_ms(&text_at(batch, "/created_at")),
        total: Some(total(batch)),
    });
    let more = body.get("has_more").and_then(Value::as_bool) == Some(true);
    (batches.collect(), Some(text_at(body, "/last_id")).filter(|last| more && !last.is_empty()))
}

const COUNTS: [&str; 5] = ["processing", "succeeded", "errored", "canceled", "expired"];

fn total(batch: &Value) -> u64 {
    COUNTS.iter().map(|count| number_at(batch, &format!("/request_counts/{count}"))).sum()
}

// ---- to poll

pub(super) fn poll(endpoint: &Endpoint, remote_id: &str) -> Outgoing {
    Outgoing::get(format!("{}/{remote_id}", address(endpoint)))
}

pub(super) fn progress(endpoint: &Endpoint, body: &Value) -> Result<Progress, Trouble> {
    let total = total(body);
    match text_at(body, "/processing_status").as_str() {
        "in_progress" | "canceling" => {
            Ok(Progress::Working { done: total - number_at(body, "/request_counts/processing"), total })
        }
        // The address in `results_url` names the provider's own host; behind a proxy ours is the right one.
        "ended" => {
            let addresses = vec![format!("{}/{}/results", address(endpoint), text_at(body, "/id"))];
            let succeeded = (total > 0).then(|| number_at(body, "/request_counts/succeeded"));
            Ok(Progress::Ended(Ended { addresses, succeeded }))
        }
        other => Err(Trouble::Malformed(format!("a batch in the unknown state {other:?}"))),
    }
}

// ---- to read

pub(super) fn item(line: &Value) -> Option<Item> {
    let custom_id = line.get("custom_id")?.as_str()?.to_owned();
    let kind = text_at(line, "/result/type");
    if kind == "succeeded" {
        return Some(Item { custom_id, result: Ok(line.pointer("/result/message")?.clone()) });
    }
    // The error stands inside an error object of its own, or does not.
    let said = |field: &str| {
        let inner = text_at(line, &format!("/result/error/error/{field}"));
        if inner.is_empty() { text_at(line, &format!("/result/error/{field}")) } else { inner }
    };
    let refused = matches!(said("type").as_str(), "invalid_request_error" | "request_too_large");
    let trouble = ItemTrouble { what: format!("{kind} {}", said("message")).trim().to_owned(), refused };
    Some(Item { custom_id, result: Err(trouble) })
}
