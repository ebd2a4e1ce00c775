//! What all requests share.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use reason_to_rank::retrieval::Bm25Retriever;
use tokio::sync::Semaphore;

use crate::compute::Compute;
use crate::config::{Limits, ServerConfig};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The server's state.
pub(crate) struct App {
    pub(crate) limits: Limits,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) keys: Keys,
    pub(crate) metrics: Arc<Metrics>,
    /// Turns of bodies that are read as JSON, which takes more memory than the body as long as it lasts.
    pub(crate) readers: Arc<Semaphore>,
    /// Room for the bytes of all requests, until their answers are sent.
    pub(crate) room: Arc<Semaphore>,
    service: OnceLock<Service>,
    is_stopping: AtomicBool,
}

/// What is there once everything is loaded and warm.
pub(crate) struct Service {
    /// The student.
    pub(crate) compute: Arc<Compute>,
    /// The index, where one was named.
    pub(crate) index: Option<Arc<Bm25Retriever>>,
    /// Turns of searches, as many at once as there are threads.
    pub(crate) searches: Arc<Semaphore>,
    /// When it was ready, in seconds since 1970.
    pub(crate) since: u64,
}

impl App {
    /// A server that is not ready yet. Of the keys it keeps digests.
    pub(crate) fn new(ServerConfig { keys, cors_origins, mut limits }: ServerConfig) -> Self {
        // A body that has no room when nothing else is there never has any.
        limits.max_body_bytes = limits.max_body_bytes.min(limits.max_pending_bytes);
        let room = limits.max_pending_bytes.min(Semaphore::MAX_PERMITS);
        Self {
            keys: Keys::new(&keys),
            metrics: Arc::new(Metrics::new()),
            readers: Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get))),
            room: Arc::new(Semaphore::new(room)),
            service: OnceLock::new(),
            is_stopping: AtomicBool::new(false),
            limits,
            cors_origins,
        }
    }

    /// The server is ready from now on.
    pub(crate) fn ready(&self, service: Service) {
        // There is one loading, so nothing can be there already.
        let _ = self.service.set(service);
    }

    /// What answers; `Loading` before it is ready.
    pub(crate) fn service(&self) -> Result<&Service, Problem> {
        self.service.get().ok_or(Problem::Loading)
    }

    /// The server goes away: load balancers hear so, accepted requests are finished.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server goes away.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
