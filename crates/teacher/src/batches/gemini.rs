//! Gemini's batches: one request with all questions, below 20 MB; answered in the batch itself.

use serde_json::{Value, json};

use crate::batches::{Ended, Item, ItemTrouble, Limits, Listed, Progress};
use crate::chat::ChatRequest;
use crate::clients::anthropic::rfc3339_ms;
use crate::clients::endpoint::Endpoint;
use crate::clients::gemini::{body, method_url};
use crate::clients::trouble::Trouble;
use crate::clients::{Outgoing, text_at};
use crate::ladder::Rung;

// ---- limits

/// Requests inside the request: 20 MB in all.
pub(super) const LIMITS: Limits = Limits { items: 50_000, bytes: 18_000_000 };

// ---- to create

pub(super) fn line(custom_id: &str, request: &ChatRequest, rung: Rung) -> Value {
    json!({ "request": body(request, rung), "metadata": { "key": custom_id } })
}

pub(super) fn create(endpoint: &Endpoint, model: &str, id: &str, lines: &[Value]) -> Outgoing {
    let body = json!({ "batch": { "displayName": id, "inputConfig": { "requests": { "requests": lines } } } });
    Outgoing::post(method_url(endpoint, model, "batchGenerateContent"), body)
}

// ---- to find again

pub(super) fn list(endpoint: &Endpoint, after: Option<&str>) -> Outgoing {
    let after = after.map(|after| format!("&pageToken={after}")).unwrap_or_default();
    Outgoing::get(format!("{}/batches?pageSize=100{after}", endpoint.base_url()))
}

pub(super) fn listed(body: &Value) -> (Vec<Listed>, Option<String>) {
    let empty = Vec::new();
    let lists = ["operations", "batches"].iter().find_map(|name| body.get(name)?.as_array());
    let batches = lists.unwrap_or(&empty).iter().map(|batch| Listed {
        remote_id: text_at(batch, "/name"),
        id: Some(said(batch, "displayName")).filter(|id| !id.is_empty()),
        created_ms: rfc3339_ms(&said(batch, "createTime")),
        total: None,
    });
    (batches.collect(), Some(text_at(body, "/nextPageToken")).filter(|next| !next.is_empty()))
}

/// A field of a batch, which an operation carries in its metadata.
fn said(batch: &Value, field: &str) -> String {
    let inner = text_at(batch, &format!("/metadata/{field}"));
    if inner.is_empty() { text_at(batch, &format!("/{field}")) } else { inner }
}

// ---- to poll

pub(super) fn poll(endpoint: &Endpoint, remote_id: &str) -> Outgoing {
    Outgoing::get(format!("{}/{remote_id}", endpoint.base_url()))
}

pub(super) fn progress(endpoint: &Endpoint, remote_id: &str, body: &Value) -> Result<Progress, Trouble> {
    let state = said(body, "state");
    // Spelled `JOB_STATE_` in the library and `BATCH_STATE_` on the wire.
    let state = state.rsplit_once("STATE_").map_or(state.as_str(), |(_, state)| state);
    let count = |field: &str| {
        let stats = body.pointer("/metadata/batchStats").or_else(|| body.get("batchStats"));
        let value = stats.and_then(|stats| stats.get(field));
        // 64-bit numbers are written as strings.
        value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(0)
    };
    let failed = |what: &str| {
        let message = text_at(body, "/error/message");
        Progress::Failed(if message.is_empty() { what.to_owned() } else { message })
    };
    let (total, succeeded) = (count("requestCount"), count("successfulRequestCount"));
    // Its results lie in the batch itself. A count of none is left out of the statistics.
    let addresses = vec![poll(endpoint, remote_id).url];
    let ended = Progress::Ended(Ended { addresses, succeeded: (total > 0).then_some(succeeded) });
    match state {
        "QUEUED" | "PENDING" | "RUNNING" | "CANCELLING" | "PAUSED" | "UPDATING" | "UNSPECIFIED" => {
            Ok(Progress::Working { done: total.saturating_sub(count("pendingRequestCount")), total })
        }
        _ if results(body).is_some() => Ok(ended),
        // The state runs ahead of the answers now and then.
        "SUCCEEDED" | "PARTIALLY_SUCCEEDED" if body.get("done").and_then(Value::as_bool) != Some(true) => {
            Ok(Progress::Working { done: total, total })
        }
        // Answers that are counted and not there were paid all the same.
        "SUCCEEDED" | "PARTIALLY_SUCCEEDED" if succeeded > 0 => Ok(ended),
        "SUCCEEDED" | "PARTIALLY_SUCCEEDED" => Ok(failed("it succeeded without results")),
        "FAILED" | "CANCELLED" | "EXPIRED" => Ok(failed(&state.to_lowercase())),
        other => Err(Trouble::Malformed(format!("a batch in the unknown state {other:?}"))),
    }
}

fn results(body: &Value) -> Option<&Vec<Value>> {
    let holders = ["/response", "/response/output", "/metadata/output", "/output", "/dest"];
    holders.iter().find_map(|holder| {
        let inlined = body.pointer(holder)?.get("inlinedResponses")?;
        inlined.as_array().or_else(|| inlined.get("inlinedResponses")?.as_array())
    })
}

// ---- to read

/// Each result, `None` where it cannot be read.
pub(super) fn items(body: &Value) -> Vec<Option<Item>> {
    results(body).map_or_else(|| vec![None], |results| results.iter().map(item).collect())
}

fn item(result: &Value) -> Option<Item> {
    let custom_id = result.pointer("/metadata/key").or_else(|| result.get("key"))?.as_str()?.to_owned();
    if let Some(response) = result.get("response") {
        return Some(Item { custom_id, result: Ok(response.clone()) });
    }
    // Code 3 is INVALID_ARGUMENT.
    let code = result.pointer("/error/code").and_then(Value::as_u64);
    let trouble = ItemTrouble { what: text_at(result, "/error/message"), refused: matches!(code, Some(3 | 400)) };
    Some(Item { custom_id, result: Err(trouble) })
}
