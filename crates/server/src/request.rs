//! What is the same for every request: its id, its line in the log, its times, and its key.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{Method, Response};
use axum::middleware::Next;
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::{debug, error, info};
use uuid::Uuid;

use crate::app::App;
use crate::asked::Asked;
use crate::body::{Received, Room, receive};
use crate::compute::task::{Failed, List, Timing};
use crate::config::Limits;
use crate::dialects::{Caller, Dialect};
use crate::problem::Problem;
use crate::ranking::Until;

/// The header that carries a request's id, in and out.
const REQUEST_ID: &str = "x-request-id";
/// Characters of an id that a client may give.
const ID_LENGTH: usize = 128;
/// What load balancers and Prometheus ask all the time.
const PROBES: [&str; 4] = ["/health", "/healthz", "/ping", "/metrics"];
/// Bytes of a body from which reading it as JSON takes long enough to be done elsewhere.
const LARGE: usize = 64 << 10;

/// What is told of a request: in its answer, and in the log.
#[derive(Clone)]
pub(crate) struct Told(Arc<Inner>);

struct Inner {
    id: String,
    since: Instant,
    line: Mutex<Line>,
}

/// What the log says beside path, status and time: never a text, never a key.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    dialect: Option<&'static str>,
    documents: usize,
    explained: usize,
    problem: Option<&'static str>,
}

impl Told {
    /// Of a request with these headers, which begins now.
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let is_fit =
            |id: &&str| !id.is_empty() && id.len() <= ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic());
        let id = given.filter(is_fit).map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned);
        Self(Arc::new(Inner { id, since: Instant::now(), line: Mutex::default() }))
    }

    /// The request's id: the client's, or a new one.
    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// When it began.
    pub(crate) fn since(&self) -> Instant {
        self.0.since
    }

    /// It is in this dialect.
    pub(crate) fn speaks(&self, dialect: Dialect) {
        self.line().dialect = Some(dialect.name());
    }

    /// It asks for this.
    pub(crate) fn asks(&self, asked: &Asked) {
        let mut line = self.line();
        line.documents = asked.list.documents.len();
        line.explained = asked.explained();
    }

    /// It is not even looked at, for a reason of this kind.
    pub(crate) fn keeps_out(&self, kind: &'static str) {
        self.line().problem = Some(kind);
    }

    /// It asks for the scores of so many pairs.
    pub(crate) fn scores(&self, pairs: usize) {
        self.line().documents = pairs;
    }

    /// It is not answered.
    pub(crate) fn refuse(&self, dialect: Dialect, problem: &Problem) -> Response<Body> {
        self.line().problem = Some(problem.kind());
        if let Problem::Failed(failed) = problem {
            error!(request_id = self.id(), %failed, "a request failed");
        }
        dialect.refuse(problem)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for Told {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::new(&parts.headers)))
    }
}

/// Counts a request whose client goes away: then this is dropped before it was answered.
struct Watch {
    app: Arc<App>,
    told: Told,
    method: Method,
    path: String,
    is_answered: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_answered {
            self.app.metrics.gone();
            let milliseconds = self.told.since().elapsed().as_millis() as u64;
            info!(
                request_id = self.told.id(),
                method = %self.method,
                path = self.path,
                milliseconds,
                "the client went away"
            );
        }
    }
}

/// Gives a request its id, sees it through to its answer, and logs and counts it.
pub(crate) async fn track(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response<Body> {
    let told = Told::new(request.headers());
    // The route, since what was typed may be anything.
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = matched.unwrap_or_else(|| "unknown".to_owned());
    let method = request.method().clone();
    let caller = Caller::of(request.headers());
    request.extensions_mut().insert(told.clone());
    let mut watch = Watch { app, told, method, path, is_answered: false };

    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    watch.is_answered = true;
    let Watch { app, told, method, path, .. } = &watch;
    let mut response = answered.unwrap_or_else(|_| {
        let problem = Problem::Failed(Failed("the server panicked; the log says where".to_owned()));
        told.refuse(Dialect::of_path(path, caller), &problem)
    });
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(told.id()) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let took = told.since().elapsed();
    let status = response.status().as_u16();
    app.metrics.answered(path, status);
    let line = *told.line();
    if line.dialect.is_some() || line.documents > 0 {
        app.metrics.took(took);
    }
    let milliseconds = took.as_millis() as u64;
    let Line { dialect, documents, explained, problem } = line;
    let (request_id, path) = (told.id(), path.as_str());
    if PROBES.contains(&path) {
        // Several a second would bury what matters.
        debug!(request_id, %method, path, status, milliseconds, "answered");
    } else {
        info!(request_id, %method, path, status, milliseconds, dialect, documents, explained, problem, "answered");
    }
    response
}

/// Lets only those through who have a key, where one is asked for.
pub(crate) async fn authorize(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    if app.keys.allow(request.headers()) {
        return next.run(request).await;
    }
    let dialect = Dialect::of_path(request.uri().path(), Caller::of(request.headers()));
    match request.extensions().get::<Told>() {
        Some(told) => told.refuse(dialect, &Problem::Unauthorized),
        None => dialect.refuse(&Problem::Unauthorized),
    }
}

/// A request whose body was read.
pub(crate) struct Opened<T> {
    /// What was read.
    pub(crate) read: T,
    /// Until when it is to be answered: its time runs from its last byte.
    pub(crate) deadline: Until,
    /// The room that its body takes, kept until it is answered.
    pub(crate) room: Room,
}

/// Receives the body of a request and reads it.
pub(crate) async fn open<T: Send + 'static>(
    app: &App,
    request: Request,
    read: impl FnOnce(&[u8], &Limits) -> T + Send + 'static,
) -> Result<Opened<T>, Problem> {
    let limits = app.limits.clone();
    let Received { bytes, room } = receive(request.into_body(), &limits, &app.room).await?;
    let deadline = Until::from_now(limits.deadline);
    let read = deadline.of(off_thread(&app.readers, bytes.len(), move || read(&bytes, &limits))).await??;
    Ok(Opened { read, deadline, room })
}

/// Does work on so many bytes: at once where they are few, elsewhere and in turn where others would wait for it.
async fn off_thread<R: Send + 'static>(
    turns: &Arc<Semaphore>,
    bytes: usize,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    if bytes < LARGE {
        return Ok(work());
    }
    let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| Problem::Stopping)?;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.map_err(|_| Problem::Failed(Failed("reading the request failed; the log says where".to_owned())))
}

/// The times and sizes of an answer, named as text-embeddings-inference names them, in whole milliseconds.
pub(crate) fn timing_headers(headers: &mut HeaderMap, list: &List, tokens: usize, timing: Timing, since: Instant) {
    let characters = |text: &str| text.chars().count() as u64;
    let texts = list.documents.iter().map(|document| characters(&document.title) + characters(&document.text));
    let milliseconds = |duration: Duration| duration.as_millis() as u64;
    let total = milliseconds(since.elapsed());
    headers.insert("x-compute-type", HeaderValue::from_static("cpu"));
    for (name, value) in [
        ("x-compute-time", total),
        ("x-compute-characters", characters(&list.query) + texts.sum::<u64>()),
        ("x-compute-tokens", tokens as u64),
        ("x-total-time", total),
        ("x-tokenization-time", milliseconds(timing.tokenized)),
        ("x-queue-time", milliseconds(timing.queued)),
        ("x-inference-time", milliseconds(timing.inferred)),
    ] {
        headers.insert(name, HeaderValue::from(value));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn large_bodies_are_read_in_turn_and_small_ones_at_once() {
        let turns = Arc::new(Semaphore::new(1));
        let turn = turns.acquire().await.unwrap();
        assert_eq!(off_thread(&turns, LARGE - 1, || "read").await, Ok("read"));
        let waiting = off_thread(&turns, LARGE, || "read");
        assert!(timeout(Duration::from_millis(20), waiting).await.is_err(), "two bodies had one turn");
        drop(turn);
        assert_eq!(off_thread(&turns, LARGE, || "read").await, Ok("read"));
    }

    #[test]
    fn an_id_is_kept_where_it_is_fit_for_a_header_and_a_log() {
        let id = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
            Told::new(&headers).id().to_owned()
        };
        assert_eq!(id(b"abc-123"), "abc-123");
        for unfit in [&b""[..], b"two words", b"\xff", &[b'x'; 129]] {
            assert_eq!(id(unfit).len(), 32);
        }
    }
}
