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

/// Longer waits for the pace are told.
const LONG_WAIT: Duration = Duration::from_secs(30);

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
    Retrying {
        kind: &'static str,
        what: String,
        wait: Duration,
    },
    ShapeLowered {
        model: String,
        to: Rung,
    },
    /// It is not sent for so long.
    Waiting {
        wait: Duration,
    },
    /// It was perhaps paid, and asks for leave to be sent again: that has to be in the journal before.
    PerhapsPaid {
        worst_usd: f64,
        leave: oneshot::Sender<Result<(), AskError>>,
    },
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
    let (mut attempts, mut malformed, mut limited, mut heard) = (0, 0, 0, 0);
    loop {
        if let Err(outcome) = wait_for_place(&shared, tokens, &reports).await {
            return outcome;
        }
        // Others may have learned meanwhile what this model takes.
        let rung = shared.ladder.rung(provider, &request);
        let once = (provider == Provider::Compatible).then(|| format!("{key}-{}-{heard}", rung.name()));
        let trouble = match send(&shared, &request, rung, once).await {
            Ok(answer) => return Outcome::Answered(Box::new(answer), rung),
            Err(trouble) => trouble,
        };
        let (kind, is_rate_limit) = (trouble.kind(), trouble.is_rate_limit());
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
            Trouble::Retry { what, after, .. } if is_rate_limit => {
                // No attempt of this question: among many that are refused, one may be so often by chance.
                limited += 1;
                match hold_all(&shared, &what, after, limited) {
                    Ok(wait) => (what, wait, false),
                    Err(stop) => return Outcome::Stop(stop),
                }
            }
            Trouble::Retry { what, after, perhaps_paid, .. } => {
                attempts += 1;
                if perhaps_paid {
                    shared.budget().perhaps_paid(worst_usd);
                }
                if attempts >= config.attempts {
                    return Outcome::Failed(AskFailure::Unavailable { attempts, what });
                }
                let wait = match after {
                    Some(after) if after > config.longest_retry_after => {
                        return Outcome::Stop(asks_to_wait(what, after));
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

fn asks_to_wait(what: String, wait: Duration) -> AskError {
    let advice = format!("the provider asks to wait {} s: run again then", wait.as_secs());
    AskError::Stopped { what, advice }
}

/// Holds all requests after one that met a rate limit, since it is the account's: for as long as the provider asks, or
/// longer each time where it does not say. Quotas are counted by the minute, so it is time that bounds this. How long
/// this request waits: a little apart from others that met the same.
fn hold_all(shared: &Shared, what: &str, after: Option<Duration>, times: u32) -> Result<Duration, AskError> {
    let (now_ms, longest) = (shared.clock.now_ms(), shared.pace.config().longest_retry_after);
    let backoff = shared.pace.backoff(times);
    let hold = after.unwrap_or(backoff);
    if hold > longest {
        return Err(asks_to_wait(what.to_owned(), hold));
    }
    let refused = shared.pace.refused(now_ms);
    if refused + hold > longest {
        let advice = format!(
            "no request has got through for {} s: run again later, with fewer at once or a minute",
            refused.as_secs()
        );
        return Err(AskError::Stopped { what: what.to_owned(), advice });
    }
    shared.pace.hold(hold, now_ms);
    Ok(after.unwrap_or_default() + backoff)
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

/// Waits until the pace allows a request.
async fn wait_for_place(shared: &Shared, tokens: u64, reports: &UnboundedSender<Report>) -> Result<(), Outcome> {
    let mut wait = shared.pace.take_place(tokens, shared.clock.now_ms());
    let longest = shared.pace.config().longest_retry_after;
    // Behind many others each of which is let through in time, one may wait for longer.
    let interval = shared.pace.interval(tokens);
    if wait > longest && interval > longest {
        let (name, seconds) = (shared.transport.endpoint().provider.name(), interval.as_secs());
        let what = format!("the limits that {name} tells leave a request every {seconds} s");
        let advice = "run again when more of the quota is left, or raise it: paid answers are kept".to_owned();
        return Err(Outcome::Stop(AskError::Stopped { what, advice }));
    }
    if wait > LONG_WAIT {
        let _ = reports.send(Report::Waiting { wait });
    }
    loop {
        if !sleep(shared, wait).await {
            return Err(Outcome::Halted);
        }
        // A provider may have told everybody to wait meanwhile.
        wait = shared.pace.held_for(shared.clock.now_ms());
        if wait.is_zero() {
            return Ok(());
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
    let refusal = (!(200..300).contains(&received.status))
        .then(|| trouble(endpoint, received.status, &received.headers, &received.body, now_ms));
    if !refusal.as_ref().is_some_and(Trouble::is_rate_limit) {
        shared.pace.went_through();
    }
    if let Some(trouble) = refusal {
        return Err(trouble);
    }
    let body: Value = serde_json::from_slice(&received.body)
        .map_err(|error| Trouble::Malformed(format!("the answer is no JSON: {error}")))?;
    from_wire(endpoint.provider, body)
}
