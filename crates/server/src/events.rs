//! Answers as server-sent events: the ranking at once, then each reason as it is written.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Serialize;
use tracing::info;

use crate::body::Room;
use crate::compute::task::{Place, Reasons};
use crate::dialects::to_json;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::ranking::{Until, missing_reasons, next_reason};
use crate::request::Told;
use crate::shapes::{Reasoning, Usage};

/// How often a comment is sent while nothing else is, so that no proxy takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What the events are made of, with all that they keep alive: whoever drops it ends the writing of reasons.
pub(crate) struct Streamed {
    /// The answer without reasons, as JSON.
    pub(crate) ranking: String,
    /// The documents that are explained, best first.
    pub(crate) places: Vec<Place>,
    /// Their reasons. Who writes them has the place in the queue: however slowly they are read, it is free when the last
    /// one is written.
    pub(crate) reasons: Reasons,
    pub(crate) warnings: Vec<String>,
    pub(crate) tokens: usize,
    pub(crate) deadline: Until,
    /// The room of the request.
    #[expect(dead_code, reason = "it is kept until the answer is read, and then free")]
    pub(crate) room: Room,
    /// Whose answer it is.
    pub(crate) told: Told,
    pub(crate) metrics: Arc<Metrics>,
}

/// `event: reasoning`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReasoningEvent {
    /// The document's index in the request, or in the first stage's list.
    index: usize,
    /// Its rank, from 1.
    rank: usize,
    /// Why it stands there.
    reasoning: Reasoning,
}

/// `event: done`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DoneEvent {
    /// What is not as it was asked for.
    warnings: Vec<String>,
    /// What was read.
    usage: Usage,
}

/// `event: error`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorEvent {
    /// What went wrong.
    message: String,
}

/// Where a stream stands.
enum Next {
    Ranking,
    Reason(usize),
    Nothing,
}

struct State {
    streamed: Streamed,
    next: Next,
}

/// The events of an answer.
pub(crate) fn stream(streamed: Streamed) -> Response<Body> {
    let state = State { streamed, next: Next::Ranking };
    let events = stream::unfold(state, |mut state| async move {
        let event = state.event().await?;
        Some((Ok::<Event, Infallible>(event), state))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // A proxy that collects the answer would hold the reasons back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl Drop for State {
    fn drop(&mut self) {
        if !matches!(self.next, Next::Nothing) {
            self.streamed.metrics.gone();
            let told = &self.streamed.told;
            let milliseconds = told.since().elapsed().as_millis() as u64;
            info!(request_id = told.id(), milliseconds, "the client went away from a stream");
        }
    }
}

impl State {
    /// The next event; `None` behind the last one.
    async fn event(&mut self) -> Option<Event> {
        match self.next {
            Next::Ranking => {
                self.next = Next::Reason(0);
                Some(Event::default().event("ranking").data(std::mem::take(&mut self.streamed.ranking)))
            }
            Next::Reason(written) if written < self.streamed.places.len() => Some(self.reason(written).await),
            Next::Reason(_) => Some(self.done()),
            Next::Nothing => None,
        }
    }

    async fn reason(&mut self, written: usize) -> Event {
        let n = self.streamed.places.len();
        match next_reason(&mut self.streamed.reasons, self.streamed.deadline).await {
            Ok(reasoning) => {
                self.next = Next::Reason(written + 1);
                let index = self.streamed.places[written].document;
                event("reasoning", &ReasoningEvent { index, rank: written + 1, reasoning: reasoning.into() })
            }
            Err(stopping @ Problem::Stopping) => self.give_up(&stopping.to_string()),
            Err(why) => {
                // What was written counts; what is missing is said at the end, as in a whole answer.
                self.streamed.warnings.push(missing_reasons(self.streamed.told.id(), written, n, &why));
                self.streamed.reasons.close();
                self.done()
            }
        }
    }

    fn done(&mut self) -> Event {
        self.next = Next::Nothing;
        let warnings = std::mem::take(&mut self.streamed.warnings);
        event("done", &DoneEvent { warnings, usage: Usage::of(self.streamed.tokens) })
    }

    fn give_up(&mut self, why: &str) -> Event {
        self.next = Next::Nothing;
        event("error", &ErrorEvent { message: why.to_owned() })
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // Only a bug of ours makes a shape that is no JSON; the client hears of it in place of the data.
    let data = to_json(data).unwrap_or_else(|problem| format!("{{\"message\":{:?}}}", problem.to_string()));
    Event::default().event(name).data(data)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::HeaderMap;
    use reason_to_rank::types::reasoning::Reasoning as Written;
    use tokio::sync::mpsc;

    use super::*;
    use crate::compute::task::Failed;

    /// The text of a stream of two reasons, of which those come that are sent.
    async fn text(send: impl FnOnce(mpsc::UnboundedSender<Result<Written, Failed>>)) -> String {
        let (reply, reasons) = mpsc::unbounded_channel();
        send(reply);
        let streamed = Streamed {
            ranking: "{}".to_owned(),
            places: vec![Place { document: 0, logit: 0.0, neighbor: None }; 2],
            reasons,
            warnings: Vec::new(),
            tokens: 3,
            deadline: Until::from_now(Duration::from_mins(1)),
            room: Room::default(),
            told: Told::new(&HeaderMap::new()),
            metrics: Arc::new(Metrics::new()),
        };
        String::from_utf8(to_bytes(stream(streamed).into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_reason_that_fails_is_a_warning_and_an_end_of_the_work_ends_the_stream() {
        let failed = text(|reply| reply.send(Err(Failed("no words".to_owned()))).unwrap()).await;
        let warning = "only 0 of 2 documents are explained: no words";
        assert!(failed.contains(warning) && failed.contains("event: done") && !failed.contains("error"), "{failed}");
        let ended = text(drop).await;
        assert!(ended.contains("event: error") && !ended.contains("event: done"), "{ended}");
    }
}
