//! The batch interfaces of all providers, in memory. Results come in the reverse of the order in which they were asked.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::State;
use super::faults::Fault;
use super::http::{Reply, Request};
use super::wire::{self, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The request has no effect.
    Before,
    /// The request has its effect, and its answer is lost.
    After,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
#[derive(Default)]
pub(crate) struct Batches {
    /// How many polls a batch takes.
    pub(crate) polls: u32,
    /// Marks that expire in the first batch that has them.
    pub(crate) expire_once: HashSet<String>,
    /// Marks that are refused whenever they come.
    pub(crate) refuse: HashSet<String>,
    /// Questions that ask for a schema are refused.
    pub(crate) refuse_schemas: bool,
    /// Marks that are refused where they ask for a schema.
    pub(crate) refuse_schema_of: HashSet<String>,
    /// Marks that are left out of the results of the first batch that has them.
    pub(crate) leave_out_once: HashSet<String>,
    /// Each batch has a result with an id that nobody asked, and one result twice.
    pub(crate) strange_ids: bool,
    /// How many of the requests for the list of batches still miss those that were made.
    pub(crate) lists_late: u32,
    /// The list has a page before, with one batch of long ago.
    pub(crate) lists_oldest_first: bool,
    /// The most questions in batches that have not ended, where there is such a limit.
    pub(crate) room: Option<usize>,
    /// So many of the batches that were made first are not there any more.
    pub(crate) n_forgotten: usize,
    /// The answer to the next batch that is made does not say its name.
    pub(crate) nameless_once: bool,
    /// There is no interface for batches.
    pub(crate) are_unknown: bool,
    /// The next requests for results are answered with these texts, and status 200.
    pub(crate) results_astray: Vec<&'static str>,
    /// Nothing is said of how many questions were answered.
    pub(crate) counts_nothing: bool,
    /// What stands between the client and the server answers some requests in its place.
    pub(crate) instead: Vec<Instead>,
    /// The n-th request, counted from 0, is cut, and all after it are refused until the server is healed.
    pub(crate) cut_at: Option<(u32, Cut)>,
    pub(crate) n_requests: u32,
    is_dead: bool,
    /// How often each mark was answered in a batch, and so paid.
    pub(crate) paid: HashMap<String, u32>,
    files: Vec<(String, String, Vec<u8>)>,
    pub(crate) made: Vec<Batch>,
}

/// An answer to the next request of a method to a path that ends so, whether or not the server acts on it.
pub(crate) struct Instead {
    pub(crate) method: &'static str,
    pub(crate) path_end: &'static str,
    pub(crate) cut: Cut,
    pub(crate) reply: Reply,
}

pub(crate) struct Batch {
    kind: Kind,
    id: String,
    name: String,
    pub(crate) size: usize,
    polls: u32,
    has_ended: bool,
    /// The account had no room for it.
    has_no_room: bool,
    n_answered: usize,
    results: Vec<Value>,
}

impl Batches {
    pub(crate) fn heal(&mut self) {
        (self.cut_at, self.is_dead) = (None, false);
    }
}

/// The reply to a request about batches; `None` where it is about something else.
pub(crate) fn reply(state: &State, request: &Request) -> Option<(Reply, Option<Fault>)> {
    let path = request.path.split('?').next().unwrap_or_default();
    let is_batch = path.contains("/batches") || path.contains("/files") || path.ends_with(":batchGenerateContent");
    if !is_batch {
        return None;
    }
    let mut batches = state.batches.lock().unwrap();
    if batches.are_unknown {
        return Some((Reply::json(404, &json!({ "error": { "message": "no such path" } })), None));
    }
    let n = batches.n_requests;
    batches.n_requests += 1;
    let dead =
        || Reply::json(401, &json!({ "error": { "message": "the process is dead", "type": "authentication_error" } }));
    if batches.is_dead {
        return Some((dead(), None));
    }
    let is_for = |instead: &Instead| instead.method == request.method && path.ends_with(instead.path_end);
    if let Some(at) = batches.instead.iter().position(is_for) {
        let Instead { cut, reply, .. } = batches.instead.remove(at);
        if cut == Cut::After {
            batches.handle(request, path);
        }
        return Some((reply, None));
    }
    match batches.cut_at {
        Some((at, Cut::Before)) if at == n => {
            batches.is_dead = true;
            Some((dead(), Some(Fault::CutAtOnce)))
        }
        Some((at, Cut::After)) if at == n => {
            let reply = batches.handle(request, path);
            batches.is_dead = true;
            Some((reply, Some(Fault::CutAtOnce)))
        }
        _ => Some((batches.handle(request, path), None)),
    }
}

impl Batches {
    fn handle(&mut self, request: &Request, path: &str) -> Reply {
        if request.method == "GET" && self.has_results(path) && !self.results_astray.is_empty() {
            return Reply::text(200, self.results_astray.remove(0));
        }
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        match (request.method.as_str(), path) {
            ("POST", path) if path.ends_with("/files") => self.upload(&request.body),
            ("GET", path) if path.ends_with("/files") => {
                let files = self.files.iter().map(|(id, name, _)| json!({ "id": id, "filename": name }));
                Reply::json(200, &json!({ "data": files.rev().collect::<Vec<_>>(), "has_more": false }))
            }
            ("GET", path) if path.ends_with("/content") => {
                let id = path.trim_end_matches("/content").rsplit('/').next().unwrap_or_default();
                self.openai_results(id)
            }
            ("POST", path) if path.ends_with("/messages/batches") => {
                let lines = list_at(&body, "/requests")
                    .into_iter()
                    .map(|line| (text(&line, "custom_id"), line))
                    .collect::<Vec<_>>();
                self.make(Kind::Anthropic, "", &lines)
            }
            ("GET", path) if path.ends_with("/results") => {
                let id = path.trim_end_matches("/results").rsplit('/').next().unwrap_or_default();
                let batch = self.made.iter().find(|batch| batch.id == id).unwrap();
                Reply::text(200, &json_lines(&batch.results))
            }
            ("POST", path) if path.ends_with("/batches") => {
                let file = text(&body, "input_file_id");
                let bytes = self.files.iter().find(|(id, ..)| *id == file).unwrap().2.clone();
                let lines = String::from_utf8(bytes).unwrap();
                let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
                let lines = lines.map(|line| (text(&line, "custom_id"), line)).collect::<Vec<_>>();
                let name = body.pointer("/metadata/r2r_batch").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.make(Kind::OpenAi, &name, &lines)
            }
            ("POST", path) if path.ends_with(":batchGenerateContent") => {
                let name = body.pointer("/batch/displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
                let lines = list_at(&body, "/batch/inputConfig/requests/requests").into_iter();
                let key = |line: &Value| line.pointer("/metadata/key").unwrap().as_str().unwrap().to_owned();
                let lines = lines.map(|line| (key(&line), line)).collect::<Vec<_>>();
                self.make(Kind::Gemini, &name, &lines)
            }
            ("GET", path) if path.ends_with("/batches") && self.lists_oldest_first && is_first_page(request) => {
                let old = json!([{ "id": "batch_old", "created_at": 1, "name": "batches/old",
                                   "metadata": { "displayName": "another's", "createTime": "1970-01-01T00:00:01Z" } }]);
                Reply::json(200, &json!({ "data": old, "operations": old, "has_more": true, "nextPageToken": "2" }))
            }
            ("GET", path) if path.ends_with("/batches") => {
                let all: Vec<Value> = match self.lists_late.checked_sub(1) {
                    Some(later) => {
                        self.lists_late = later;
                        Vec::new()
                    }
                    None => self.made.iter().rev().map(Batch::described).collect(),
                };
                Reply::json(200, &json!({ "data": all, "operations": all, "has_more": false }))
            }
            ("GET", _) => {
                let polls = self.polls;
                let there = self.made.iter_mut().skip(self.n_forgotten);
                let Some(batch) = { there }.find(|batch| batch.id.ends_with(&last)) else {
                    return Reply::json(404, &json!({ "error": { "message": "no such batch" } }));
                };
                batch.polls += 1;
                batch.has_ended = batch.polls > polls || batch.has_no_room;
                let mut polled = batch.polled(batch.has_ended);
                if self.counts_nothing {
                    polled["request_counts"] = Value::Null;
                    polled["metadata"]["batchStats"] = Value::Null;
                }
                Reply::json(200, &polled)
            }
            _ => Reply::json(404, &json!({ "error": { "message": "no such path" } })),
        }
    }

    /// Whether results lie at this path. Gemini's come with the batch, again after the look that saw its end.
    fn has_results(&self, path: &str) -> bool {
        let is_ended = |batch: &Batch| batch.kind == Kind::Gemini && batch.has_ended && path.ends_with(&batch.id);
        path.ends_with("/content") || path.ends_with("/results") || self.made.iter().any(is_ended)
    }

    fn upload(&mut self, form: &[u8]) -> Reply {
        let form = String::from_utf8(form.to_vec()).unwrap();
        assert!(form.contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{form}");
        let name = form.split("filename=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let start = form.find("{\"custom_id\"").unwrap();
        let end = form.rfind("\r\n--").unwrap();
        let id = format!("file-{}", self.files.len());
        self.files.push((id.clone(), name.clone(), form.as_bytes()[start..end].to_vec()));
        Reply::json(200, &json!({ "id": id, "filename": name, "purpose": "batch" }))
    }

    fn make(&mut self, kind: Kind, name: &str, lines: &[(String, Value)]) -> Reply {
        let (mut results, mut n_answered): (Vec<Value>, usize) = (Vec::new(), 0);
        let open: usize = self.made.iter().filter(|batch| !batch.has_ended).map(|batch| batch.size).sum();
        let has_no_room = self.room.is_some_and(|room| open + lines.len() > room);
        let lines = if has_no_room { &[] } else { lines };
        for (custom_id, line) in lines.iter().rev() {
            let mark = wire::mark(&line.to_string());
            let asks_for_schema =
                ["json_schema", "responseJsonSchema"].iter().any(|word| line.to_string().contains(word));
            let refuses_schema = self.refuse_schemas || self.refuse_schema_of.contains(&mark);
            let result = if refuses_schema && asks_for_schema {
                refused(kind, custom_id, "response_format, output_config and responseJsonSchema are not supported")
            } else if self.refuse.contains(&mark) {
                refused(kind, custom_id, "prompt is too long")
            } else if self.expire_once.remove(&mark) {
                expired(kind, custom_id)
            } else if self.leave_out_once.remove(&mark) {
                continue;
            } else {
                *self.paid.entry(mark.clone()).or_default() += 1;
                n_answered += 1;
                answered(kind, custom_id, &wire::answer(kind, &mark, &wire::text_for(&mark)))
            };
            results.push(result);
        }
        if self.strange_ids {
            let stranger = answered(kind, "stranger", &wire::answer(kind, "stranger", "not yours"));
            results.insert(0, stranger);
            results.extend(results.last().cloned());
        }
        let n = self.made.len();
        let id = match kind {
            Kind::OpenAi => format!("batch_{n}"),
            Kind::Anthropic => format!("msgbatch_{n}"),
            Kind::Gemini => format!("batches/{n}"),
        };
        let (name, size) = (name.to_owned(), lines.len());
        let batch = Batch { kind, id, name, size, polls: 0, has_ended: false, has_no_room, n_answered, results };
        let nameless = std::mem::take(&mut self.nameless_once);
        let reply = Reply::json(200, &if nameless { json!({}) } else { batch.described() });
        self.made.push(batch);
        reply
    }

    /// Errors lie in a file of their own.
    fn openai_results(&self, id: &str) -> Reply {
        let (kind, n) = id.split_once('-').unwrap();
        let batch = &self.made[n.parse::<usize>().unwrap()];
        let is_error = |line: &&Value| line.pointer("/response/status_code").and_then(Value::as_u64) != Some(200);
        let lines: Vec<Value> = match kind {
            "errors" => batch.results.iter().filter(is_error).cloned().collect(),
            _ => batch.results.iter().filter(|line| !is_error(line)).cloned().collect(),
        };
        Reply::text(200, &json_lines(&lines))
    }
}

impl Batch {
    fn described(&self) -> Value {
        match self.kind {
            Kind::OpenAi => json!({
                "id": self.id, "object": "batch", "endpoint": "/v1/chat/completions", "status": "validating",
                "metadata": { "r2r_batch": self.name }, "created_at": 4_000_000_000_u64,
                "request_counts": { "total": self.size, "completed": 0, "failed": 0 },
            }),
            Kind::Anthropic => json!({
                "id": self.id, "type": "message_batch", "processing_status": "in_progress", "results_url": null,
                "created_at": "2096-11-25T00:00:00Z",
                "request_counts": { "processing": self.size, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0 },
            }),
            Kind::Gemini => json!({
                "name": self.id, "done": false,
                "metadata": { "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
                              "displayName": self.name, "state": "BATCH_STATE_PENDING",
                              "createTime": "2096-11-25T00:00:00Z", "batchStats": { "requestCount": self.size.to_string() } },
            }),
        }
    }

    fn polled(&self, ended: bool) -> Value {
        let mut described = self.described();
        if !ended {
            return described;
        }
        let n = self.id.rsplit(['_', '/']).next().unwrap();
        if self.has_no_room {
            let error =
                json!({ "code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": null });
            described["status"] = json!("failed");
            described["errors"] = json!({ "object": "list", "data": [error] });
            return described;
        }
        match self.kind {
            Kind::OpenAi => {
                described["status"] = json!("completed");
                described["request_counts"]["completed"] = json!(self.n_answered);
                described["request_counts"]["failed"] = json!(self.size - self.n_answered);
                described["output_file_id"] = json!(format!("output-{n}"));
                described["error_file_id"] = json!(format!("errors-{n}"));
            }
            Kind::Anthropic => {
                described["processing_status"] = json!("ended");
                described["request_counts"]["processing"] = json!(0);
                described["request_counts"]["succeeded"] = json!(self.n_answered);
                described["request_counts"]["errored"] = json!(self.size - self.n_answered);
                described["results_url"] = json!("https://api.anthropic.com/elsewhere");
            }
            Kind::Gemini => {
                described["done"] = json!(true);
                described["metadata"]["batchStats"]["successfulRequestCount"] = json!(self.n_answered.to_string());
                described["metadata"]["state"] = json!("BATCH_STATE_SUCCEEDED");
                described["response"] = json!({ "inlinedResponses": { "inlinedResponses": self.results } });
            }
        }
        described
    }
}

fn answered(kind: Kind, custom_id: &str, answer: &Value) -> Value {
    match kind {
        Kind::OpenAi => json!({ "id": "batch_req_1", "custom_id": custom_id, "error": null,
                                "response": { "status_code": 200, "request_id": "r", "body": answer } }),
        Kind::Anthropic => json!({ "custom_id": custom_id, "result": { "type": "succeeded", "message": answer } }),
        Kind::Gemini => json!({ "metadata": { "key": custom_id }, "response": answer }),
    }
}

fn expired(kind: Kind, custom_id: &str) -> Value {
    match kind {
        Kind::OpenAi => json!({ "id": "batch_req_1", "custom_id": custom_id, "response": null,
                                "error": { "code": "batch_expired", "message": "it expired" } }),
        Kind::Anthropic => json!({ "custom_id": custom_id, "result": { "type": "expired" } }),
        Kind::Gemini => json!({ "metadata": { "key": custom_id }, "error": { "code": 4, "message": "deadline" } }),
    }
}

fn refused(kind: Kind, custom_id: &str, message: &str) -> Value {
    let error = wire::error(kind, 400, "invalid_request_error", message);
    match kind {
        Kind::OpenAi => json!({ "id": "batch_req_1", "custom_id": custom_id, "error": null,
                                "response": { "status_code": 400, "request_id": "r", "body": error } }),
        Kind::Anthropic => json!({ "custom_id": custom_id, "result": { "type": "errored", "error": error } }),
        Kind::Gemini => {
            json!({ "metadata": { "key": custom_id }, "error": { "code": 3, "message": message } })
        }
    }
}

fn json_lines(lines: &[Value]) -> String {
    lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
}

fn is_first_page(request: &Request) -> bool {
    !request.path.contains("pageToken=") && !request.path.contains("after=")
}

fn list_at(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
