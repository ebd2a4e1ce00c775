//! The steps of a batch over the network, each repeated until it succeeds or nothing more can be done.

use serde_json::Value;

use crate::asking::attempts::sleep;
use crate::asking::outcome::AskError;
use crate::asking::{Asker, Shared};
use crate::batches::{Listed, create, created, line, list, listed, openai};
use crate::clients::endpoint::Provider;
use crate::clients::trouble::Trouble;
use crate::clients::{Method, Outgoing, text_at, trouble};
use crate::journal::batch_rows::{BatchItem, BatchRow, BatchState};

/// A step that did not succeed.
pub(super) enum StepTrouble {
    /// The provider refuses to make this batch, and would again: there is none.
    Refused(String),
    /// It refuses to tell, which says nothing of the batch.
    Untold(String),
    /// Whether the step was done nobody knows: it must be looked up.
    Unknown,
    /// The provider has no such thing, or no longer.
    Gone(String),
    /// The run must end.
    Stop(AskError),
}

/// Sends a request of a batch. Reading is repeated freely; making is repeated only where the provider said that it did
/// not happen, since a second batch would be paid a second time.
pub(super) async fn send(shared: &Shared, outgoing: &Outgoing) -> Result<Vec<u8>, StepTrouble> {
    let config = shared.pace.config();
    let mut attempt = 1;
    loop {
        let trouble = match once(shared, outgoing.clone()).await {
            Ok(body) => return Ok(body),
            Err(Sent::Step(trouble)) => return Err(trouble),
            Err(Sent::Trouble(trouble)) => trouble,
        };
        let (what, after) = match (trouble, outgoing.method) {
            // The answer is lost or cannot be read, but what it answers was perhaps done.
            (Trouble::Retry { perhaps_paid: true, .. } | Trouble::Malformed(_), Method::Post) => {
                return Err(StepTrouble::Unknown);
            }
            (Trouble::Retry { what, after, .. }, Method::Get | Method::Post) => (what, after),
            (Trouble::Malformed(what), Method::Get) => (what, None),
            (Trouble::Refused(what) | Trouble::ShapeRefused(what), Method::Post) => {
                return Err(StepTrouble::Refused(what));
            }
            (Trouble::Refused(what) | Trouble::ShapeRefused(what), Method::Get) => {
                return Err(StepTrouble::Untold(what));
            }
            (stop @ Trouble::Stop { .. }, Method::Get | Method::Post) => return Err(StepTrouble::Stop(stop.into())),
        };
        if attempt >= config.attempts {
            let advice = "the batches stay at the provider: run again to go on".to_owned();
            return Err(StepTrouble::Stop(AskError::Stopped { what, advice }));
        }
        let wait = after.unwrap_or_else(|| shared.pace.backoff(attempt)).min(config.longest_retry_after);
        if !sleep(shared, wait).await {
            return Err(StepTrouble::Stop(AskError::Cancelled));
        }
        attempt += 1;
    }
}

/// What came of one sending that did not succeed.
enum Sent {
    Step(StepTrouble),
    Trouble(Trouble),
}

async fn once(shared: &Shared, outgoing: Outgoing) -> Result<Vec<u8>, Sent> {
    let method = outgoing.method;
    let received = shared.transport.send(outgoing, shared.max_results_bytes).await.map_err(Sent::Trouble)?;
    if (200..300).contains(&received.status) {
        return Ok(received.body);
    }
    let (endpoint, now_ms) = (shared.transport.endpoint(), shared.clock.now_ms());
    let trouble = trouble(endpoint, received.status, &received.headers, &received.body, now_ms);
    Err(match (received.status, trouble) {
        (404 | 410, Trouble::Stop { what, .. } | Trouble::Refused(what)) => Sent::Step(StepTrouble::Gone(what)),
        (_, trouble @ Trouble::Stop { .. }) => Sent::Trouble(trouble),
        // Whoever answers so, the provider or a gateway before it, may have done it all the same. Only 529 says that the
        // provider was too busy for it.
        (408 | 409 | 500..=528 | 530.., _) if method == Method::Post => Sent::Step(StepTrouble::Unknown),
        (_, trouble) => Sent::Trouble(trouble),
    })
}

pub(super) async fn send_for_json(shared: &Shared, outgoing: &Outgoing) -> Result<Value, StepTrouble> {
    let body = send(shared, outgoing).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let advice = "the batches stay at the provider: run again to go on".to_owned();
        StepTrouble::Stop(AskError::Stopped { what: format!("the answer is no JSON: {error}"), advice })
    })
}

/// Brings a batch from its intention to the provider. A row is written after each step.
pub(super) async fn submit(asker: &Asker, row: &mut BatchRow, items: &[BatchItem]) -> Result<(), StepTrouble> {
    let endpoint = asker.endpoint();
    if matches!(endpoint.provider, Provider::OpenAi | Provider::Compatible) && row.file_id.is_none() {
        let lines: Vec<Value> =
            items.iter().map(|item| line(endpoint.provider, item.key.as_str(), &item.ask.request, item.rung)).collect();
        let upload = openai::upload(endpoint, &row.id, &lines);
        // A file costs nothing: where its upload is unknown, it is looked up or sent again.
        let file_id = match send_for_json(&asker.shared, &upload).await {
            Ok(file) => text_at(&file, "/id"),
            Err(StepTrouble::Unknown) => match find_file(asker, row).await? {
                Some(file_id) => file_id,
                None => text_at(&send_for_json(&asker.shared, &upload).await?, "/id"),
            },
            Err(trouble) => return Err(trouble),
        };
        row.file_id = Some(file_id);
        row.state = BatchState::Uploaded;
        advance(asker, row, "the file is uploaded")?;
    }
    let made = send_for_json(&asker.shared, &create(endpoint, row, items)).await?;
    // Without a name it was made all the same: it is looked up.
    row.remote_id = Some(created(endpoint.provider, &made).map_err(|_| StepTrouble::Unknown)?);
    row.state = BatchState::Submitted;
    advance(asker, row, "the provider has it")
}

pub(super) fn advance(asker: &Asker, row: &BatchRow, note: &str) -> Result<(), StepTrouble> {
    asker.journal.advance_batch(row, note).map_err(|error| StepTrouble::Stop(error.into()))
}

/// All batches that the provider lists since the time at which one was intended.
pub(super) async fn list_since(asker: &Asker, at_ms: u64) -> Result<Vec<Listed>, StepTrouble> {
    let provider = asker.endpoint().provider;
    // Clocks differ: an hour of margin costs a page at most.
    let oldest = at_ms.saturating_sub(3_600_000);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = send_for_json(&asker.shared, &list(asker.endpoint(), after.as_deref())).await?;
        let (batches, next) = listed(provider, &page);
        let is_past = lists_newest_first(provider)
            && batches.last().and_then(|last| last.created_ms).is_some_and(|created| created < oldest);
        all.extend(batches.into_iter().filter(|batch| batch.created_ms.is_none_or(|created| created >= oldest)));
        // A server that knows no pages gives the same one again.
        if is_past || next.is_none() || next == after {
            return Ok(all);
        }
        after = next;
    }
}

/// Whether the provider says that it lists the newest batches first. The others are read to the end.
fn lists_newest_first(provider: Provider) -> bool {
    match provider {
        Provider::Anthropic => true,
        Provider::OpenAi | Provider::Compatible | Provider::Gemini => false,
    }
}

/// The provider's name of a batch's file, where it was uploaded.
pub(super) async fn find_file(asker: &Asker, row: &BatchRow) -> Result<Option<String>, StepTrouble> {
    let mut after = None;
    loop {
        let page = send_for_json(&asker.shared, &openai::list_files(asker.endpoint(), after.as_deref())).await?;
        let (found, next) = openai::listed_file(&page, &row.id);
        after = next;
        if found.is_some() || after.is_none() {
            return Ok(found);
        }
    }
}
