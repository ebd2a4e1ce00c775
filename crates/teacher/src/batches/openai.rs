//! `OpenAI`'s batches: a file of JSON lines, uploaded, then worked on.

use serde_json::{Value, json};

use crate::batches::{Ended, Item, ItemTrouble, Limits, Listed, Progress};
use crate::chat::ChatRequest;
use crate::clients::endpoint::{Endpoint, Provider};
use crate::clients::openai::body;
use crate::clients::trouble::Trouble;
use crate::clients::{Body, Method, Outgoing, number_at, text_at};
use crate::ladder::Rung;

// ---- limits

/// 50,000 lines and 200 MB a file.
pub(super) const LIMITS: Limits = Limits { items: 50_000, bytes: 195_000_000 };

// ---- to create

pub(super) fn line(provider: Provider, custom_id: &str, request: &ChatRequest, rung: Rung) -> Value {
    let body = body(provider, request, rung);
    json!({ "custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body })
}

/// The name of a batch's file, by which it is found again.
pub(super) fn file_name(id: &str) -> String {
    format!("{id}.jsonl")
}

pub(super) fn upload(endpoint: &Endpoint, id: &str, lines: &[Value]) -> Outgoing {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line.to_string().as_bytes());
        bytes.push(b'\n');
    }
    let body = Body::File { name: file_name(id), bytes };
    let url = format!("{}/files", endpoint.base_url());
    Outgoing { method: Method::Post, url, body, idempotency_key: None }
}

pub(super) fn create(endpoint: &Endpoint, id: &str, file_id: &str) -> Outgoing {
    let body = json!({
        "input_file_id": file_id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": { "r2r_batch": id },
    });
    Outgoing::post(format!("{}/batches", endpoint.base_url()), body)
}

// ---- to find again

pub(super) fn list(endpoint: &Endpoint, after: Option<&str>) -> Outgoing {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    Outgoing::get(format!("{}/batches?limit=100{after}", endpoint.base_url()))
}

pub(super) fn listed(body: &Value) -> (Vec<Listed>, Option<String>) {
    let empty = Vec::new();
    let data = body.get("data").and_then(Value::as_array).unwrap_or(&empty);
    let batches = data.iter().map(|batch| Listed {
        remote_id: text_at(batch, "/id"),
        id: Some(text_at(batch, "/metadata/r2r_batch")).filter(|id| !id.is_empty()),
        created_ms: Some(number_at(batch, "/created_at") * 1000).filter(|&created_ms| created_ms > 0),
        total: None,
    });
    (batches.collect(), next_page(body, data))
}

/// The first page of the files of batches; pages go on as those of batches do.
pub(super) fn list_files(endpoint: &Endpoint, after: Option<&str>) -> Outgoing {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    Outgoing::get(format!("{}/files?purpose=batch&limit=1000{after}", endpoint.base_url()))
}

/// The provider's name of a batch's file, where the page lists it; and where the next page begins.
pub(super) fn listed_file(body: &Value, id: &str) -> (Option<String>, Option<String>) {
    let empty = Vec::new();
    let data = body.get("data").and_then(Value::as_array).unwrap_or(&empty);
    let file = data.iter().find(|file| text_at(file, "/filename") == file_name(id));
    (file.map(|file| text_at(file, "/id")), next_page(body, data))
}

fn next_page(body: &Value, data: &[Value]) -> Option<String> {
    let more = body.get("has_more").and_then(Value::as_bool) == Some(true);
    data.last().filter(|_| more).map(|last| text_at(last, "/id"))
}

// ---- to poll

pub(super) fn poll(endpoint: &Endpoint, remote_id: &str) -> Outgoing {
    Outgoing::get(format!("{}/batches/{remote_id}", endpoint.base_url()))
}

pub(super) fn progress(endpoint: &Endpoint, body: &Value) -> Result<Progress, Trouble> {
    let (done, total) = (number_at(body, "/request_counts/completed"), number_at(body, "/request_counts/total"));
    let files = ["/output_file_id", "/error_file_id"].map(|field| text_at(body, field));
    let files = files.iter().filter(|file| !file.is_empty());
    let addresses: Vec<String> = files.map(|file| format!("{}/files/{file}/content", endpoint.base_url())).collect();
    match text_at(body, "/status").as_str() {
        "validating" | "in_progress" | "finalizing" | "cancelling" => Ok(Progress::Working { done, total }),
        // What was done before a batch expired or was cancelled lies in its file.
        // Answers that are counted and in no file were paid all the same.
        "completed" | "expired" | "cancelled" if done > 0 || !addresses.is_empty() => {
            Ok(Progress::Ended(Ended { addresses, succeeded: (total > 0).then_some(done) }))
        }
        "completed" | "expired" | "cancelled" => Ok(Progress::Failed("it ended without results".to_owned())),
        "failed" => {
            let (code, message) = (text_at(body, "/errors/data/0/code"), text_at(body, "/errors/data/0/message"));
            let message = if message.is_empty() { "it failed".to_owned() } else { message };
            // Tokens, or requests, of all batches of the account that wait or are worked on.
            let no_room = code == "token_limit_exceeded" || message.to_lowercase().contains("enqueued");
            Ok(if no_room { Progress::NoRoom(message) } else { Progress::Failed(message) })
        }
        other => Err(Trouble::Malformed(format!("a batch in the unknown state {other:?}"))),
    }
}

// ---- to read

pub(super) fn item(line: &Value) -> Option<Item> {
    let custom_id = line.get("custom_id")?.as_str()?.to_owned();
    let status = number_at(line, "/response/status_code");
    let body = line.pointer("/response/body").cloned().unwrap_or(Value::Null);
    if status == 200 {
        return Some(Item { custom_id, result: Ok(body) });
    }
    let of_line = text_at(line, "/error/message");
    let what = if of_line.is_empty() { text_at(&body, "/error/message") } else { of_line };
    let trouble = ItemTrouble { what: format!("{status}: {what}"), refused: matches!(status, 400 | 413 | 422) };
    Some(Item { custom_id, result: Err(trouble) })
}
