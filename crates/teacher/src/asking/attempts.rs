//! One question, sent until it is answered, refused, or has been sent as often as allowed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::asking::Shared;
use crate::asking::outcome::{AskError, AskFailure};
use crate::chat::ChatRequest;
use crate::clients::endpoint::Provider;
use crate::clients::trouble::Trouble;
use crate::clients::{ChatAnswer, Outgoing, from_wire, rates, to_wire, trouble};
use crate::cost::estimate::input_tokens;
use crate::journal::key::AskKey;
use crate::ladder::{Rung, at_rung};

/// What came of a question.
pub(super) enum Outcome {
    Answered(Box<ChatAnswer>, Rung),
    Failed(AskFailure),
    /// The run must stop.
    Stop(AskError),
    /// The run stopped while this one waited to be sent.
    Halted,
}

/// What is told while it is under way.
pub(super) enum Report {
    Retrying { kind: &'static str, what: String, wait: Duration },
    ShapeLowered { model: String, to: Rung },
    /// It was perhaps paid, and asks for leave to be sent again: that has to be in the journal before.
    PerhapsPaid { worst_usd: f64, leave: oneshot::Sender<Result<(), AskError>> },
}

/// Sends a question until something comes of it. `worst_usd` is what each sending may cost.
pub(super) async fn ask(
    shared: Arc<Shared>,
    key: AskKey,
    request: ChatRequest,
    worst_usd: f64,
    reports: UnboundedSender<Report>,
) -> Outcome {
    let provider = shared.transport.endpoint().provider;
    let config = shared.pace.config();
    let tokens = input_tokens(&request) + u64::from(request.max_tokens);
    let (mut attempts, mut malformed, mut heard) = (0, 0, 0);
    loop {
        if !wait_for_place(&shared, tokens).await {
            return Outcome::Halted;
        }
        // Others may have learned meanwhile what this model takes.
        let rung = shared.ladder.rung(provider, &request);
        let once = (provider == Provider::Compatible).then(|| format!("{key}-{}-{heard}", rung.name()));
        let trouble = match send(&shared, &request, rung, once).await {
            Ok(answer) => return Outcome::Answered(Box::new(answer), rung),
            Err(trouble) => trouble,
        };
        let kind = trouble.kind();
        // Where nothing was heard, a server that has the answer already is to say it; an error is not to be repeated.
        heard += u32::from(!trouble.is_silence());
        let (what, wait, is_perhaps_paid) = match trouble {
            Trouble::Stop { what, advice } => return Outcome::Stop(AskError::Stopped { what, advice }),
            Trouble::Refused(what) => return Outcome::Failed(AskFailure::Refused(what)),
            Trouble::ShapeRefused(what) => match shared.ladder.refused(provider, &request.model, rung) {
                None => return Outcome::Failed(AskFailure::Refused(what)),
                Some(to) => {
                    let _ = reports.send(Report::ShapeLowered { model: request.model.clone(), to });
                    continue;
                }
            },
            Trouble::Malformed(what) => {
                malformed += 1;
                shared.budget().perhaps_paid(worst_usd);
                if malformed >= config.malformed_attempts {
                    return Outcome::Failed(AskFailure::Malformed { attempts: malformed, what });
                }
                (what, shared.pace.backoff(malformed), true)
            }
            Trouble::Retry { kind: _, what, after, perhaps_paid } => {
                attempts += 1;
                if perhaps_paid {
                    shared.budget().perhaps_paid(worst_usd);
                }
                if attempts >= config.attempts {
                    return Outcome::Failed(AskFailure::Unavailable { attempts, what });
                }
                let wait = match after {
                    Some(after) if after > config.longest_retry_after => {
                        let advice = format!("the provider asks to wait {} s: run again then", after.as_secs());
                        return Outcome::Stop(AskError::Stopped { what, advice });
                    }
                    Some(after) => {
                        // It is the account that must wait, not this request; a little jitter parts the crowd.
                        shared.pace.hold(after, shared.clock.now_ms());
                        after + shared.pace.backoff(1).min(after)
                    }
                    None => shared.pace.backoff(attempts),
                };
                (what, wait, perhaps_paid)
            }
        };
        // What was not paid for is still set aside for this question; what perhaps was comes on top.
        if is_perhaps_paid && let Err(outcome) = leave_to_resend(worst_usd, &reports).await {
            return outcome;
        }
        let _ = reports.send(Report::Retrying { kind, what, wait });
        if !sleep(&shared, wait).await {
            return Outcome::Halted;
        }
    }
}

/// Asks the driver, who has the journal, whether a request that was perhaps paid may be sent again.
async fn leave_to_resend(worst_usd: f64, reports: &UnboundedSender<Report>) -> Result<(), Outcome> {
    let (leave, answer) = oneshot::channel();
    let _ = reports.send(Report::PerhapsPaid { worst_usd, leave });
    match answer.await {
        Ok(leave) => leave.map_err(Outcome::Stop),
        // The driver is gone.
        Err(_) => Err(Outcome::Halted),
    }
}

/// Waits until the pace allows a request; false where the run stops meanwhile.
async fn wait_for_place(shared: &Shared, tokens: u64) -> bool {
    let mut wait = shared.pace.take_place(tokens, shared.clock.now_ms());
    loop {
        if !sleep(shared, wait).await {
            return false;
        }
        // A provider may have told everybody to wait meanwhile.
        wait = shared.pace.held_for(shared.clock.now_ms());
        if wait.is_zero() {
            return true;
        }
    }
}

/// Sleeps; false where the run stops meanwhile, or has stopped.
pub(crate) async fn sleep(shared: &Shared, duration: Duration) -> bool {
    let mut halt = shared.halt.subscribe();
    if *halt.borrow_and_update() {
        return false;
    }
    if duration.is_zero() {
        return true;
    }
    tokio::select! {
        () = shared.clock.sleep(duration) => !*shared.halt.borrow(),
        _ = halt.changed() => false,
    }
}

async fn send(
    shared: &Shared,
    request: &ChatRequest,
    rung: Rung,
    idempotency_key: Option<String>,
) -> Result<ChatAnswer, Trouble> {
    let endpoint = shared.transport.endpoint();
    let outgoing = Outgoing { idempotency_key, ..to_wire(endpoint, &at_rung(request, rung), rung) };
    let received = shared.transport.send(outgoing, shared.max_answer_bytes).await?;
    let now_ms = shared.clock.now_ms();
    shared.pace.follow(&rates(endpoint.provider, &received.headers, now_ms), now_ms);
    if !(200..300).contains(&received.status) {
        return Err(trouble(endpoint, received.status, &received.headers, &received.body, now_ms));
    }
    let body: Value = serde_json::from_slice(&received.body)
        .map_err(|error| Trouble::Malformed(format!("the answer is no JSON: {error}")))?;
    from_wire(endpoint.provider, body)
}
