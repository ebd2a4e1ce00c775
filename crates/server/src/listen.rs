//! Connections: accepted, limited in number and time, and finished when the server is told to stop.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, warn};

use crate::config::Limits;

/// How long the listener rests when the system has no more sockets to give.
const REST: Duration = Duration::from_millis(50);
/// Bytes that a request's head may have.
const MAX_HEAD: usize = 64 << 10;

/// Serves connections until `stop` is ready, then finishes what was accepted, for as long as the limits allow. `hurry`
/// ends that too.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: impl Future<Output = ()>,
    hurry: impl Future<Output = ()>,
) {
    let hurry = hurry.shared();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle_timeout).max_buf_size(MAX_HEAD);
    {
        let mut stop = pin!(stop);
        loop {
            // Connections that are over give their memory back.
            while connections.try_join_next().is_some() {}
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = next => accepted,
                () = &mut stop => break,
                () = hurry.clone() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if !is_of_client(&error) {
                        warn!(%error, "a connection cannot be accepted");
                        sleep(REST).await;
                    }
                    continue;
                }
            };
            prepare(&stream, limits.read_timeout);
            // Who asks nothing at first has less time than who pauses between two requests.
            let end = Arc::new(Mutex::new(after(limits.read_timeout)));
            let inner = TowerToHyperService::new(router.clone());
            let service = Noticing { inner, end: Arc::clone(&end), longest: longest(limits) };
            let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
            connections.spawn(async move {
                let _place = place;
                match until_end(connection, &end).await {
                    Some(Ok(())) => {}
                    Some(Err(error)) => debug!(%error, "a connection ended early"),
                    None => debug!("a connection asked nothing, or did not read its answer"),
                }
            });
        }
    }
    // New clients are refused from now on, so that a load balancer sends them elsewhere.
    drop(listener);
    let bounded = timeout(limits.shutdown_timeout, graceful.shutdown());
    tokio::select! {
        finished = bounded => if finished.is_err() {
            warn!("some requests were not finished in time and are given up");
        },
        () = hurry => warn!("stopped at once: requests in work are given up"),
    }
    connections.shutdown().await;
}

/// How long a connection may go on after the head of its last request: the body comes, the request is answered, and the
/// answer is read in as long as there may be between two requests.
fn longest(limits: &Limits) -> Duration {
    limits.read_timeout.saturating_add(limits.deadline).saturating_add(limits.idle_timeout)
}

/// So long from now, or years where that is beyond the clock.
fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now + Duration::from_hours(24 * 365))
}

/// Lets a connection go on until its end, which each of its requests puts off; `None` where it came to that.
async fn until_end<C: Future>(connection: C, end: &Mutex<Instant>) -> Option<C::Output> {
    let end = || *end.lock().unwrap_or_else(PoisonError::into_inner);
    let mut connection = pin!(connection);
    loop {
        let known = end();
        match timeout_at(known, &mut connection).await {
            Ok(ended) => return Some(ended),
            Err(_) if end() > known => {}
            Err(_) => return None,
        }
    }
}

/// The routes for one connection, whose end every request puts off.
struct Noticing {
    inner: TowerToHyperService<Router>,
    end: Arc<Mutex<Instant>>,
    longest: Duration,
}

impl Service<hyper::Request<Incoming>> for Noticing {
    type Response = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = after(self.longest);
        self.inner.call(request)
    }
}

/// Small answers go out at once, and a client that does not read is given up.
fn prepare(stream: &TcpStream, patience: Duration) {
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(patience)) {
        debug!(%error, "clients that do not read are not given up");
    }
}

/// Whether a connection failed by its client's doing before it was accepted.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_asks_nothing_more_comes_to_its_end() {
        let end = Mutex::new(after(Duration::from_millis(10)));
        assert_eq!(until_end(pending::<()>(), &end).await, None);
    }

    #[tokio::test]
    async fn every_request_puts_the_end_off() {
        let end = Mutex::new(after(Duration::from_millis(10)));
        let mut has_asked = false;
        let connection = poll_fn(|_| {
            if has_asked {
                return Poll::Ready("answered");
            }
            has_asked = true;
            *end.lock().unwrap() = after(Duration::MAX);
            // Nothing wakes it but the end that it had before.
            Poll::Pending
        });
        assert_eq!(until_end(connection, &end).await, Some("answered"));
    }
}
