//! Connections: accepted, limited in number and time, and finished when the server is told to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
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
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle_timeout).max_buf_size(MAX_HEAD);
    {
        let mut stop = std::pin::pin!(stop);
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
            let service = Noticing { inner: TowerToHyperService::new(router.clone()), has_asked: Arc::default() };
            let has_asked = Arc::clone(&service.has_asked);
            let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
            let patience = limits.read_timeout;
            connections.spawn(async move {
                let _place = place;
                let mut connection = std::pin::pin!(connection);
                // Who asks nothing at first has less time than who pauses between two requests.
                let ended = match timeout(patience, &mut connection).await {
                    Ok(ended) => ended,
                    Err(_) if has_asked.load(Ordering::Relaxed) => connection.await,
                    Err(_) => {
                        debug!("a connection asked nothing");
                        return;
                    }
                };
                if let Err(error) = ended {
                    debug!(%error, "a connection ended early");
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

/// The routes for one connection, which notice whether it has asked anything.
struct Noticing {
    inner: TowerToHyperService<Router>,
    has_asked: Arc<AtomicBool>,
}

impl Service<hyper::Request<Incoming>> for Noticing {
    type Response = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        self.has_asked.store(true, Ordering::Relaxed);
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
