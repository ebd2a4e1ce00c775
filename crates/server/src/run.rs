//! A server from its start to its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use reason_to_rank::error::PipelineError;
use reason_to_rank::retrieval::{Bm25, Bm25Retriever, SearchError, Searcher};
use reason_to_rank::student::{LoadedStudent, StudentOptions};
use reason_to_rank::types::stage::StageError;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;
use tracing::{error, info};

use crate::app::{App, Service, unix_seconds};
use crate::compute::Compute;
use crate::config::ServerConfig;
use crate::listen::listen;
use crate::routes::router;
use crate::warm::warm_up;

/// What is served.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The student's folder.
    pub student: PathBuf,
    /// How it runs.
    pub options: StudentOptions,
    /// The index to search; none where `None`.
    pub index: Option<PathBuf>,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened at.
    #[error("{address} cannot be listened at: {source}; choose another --port or --host")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The student cannot be opened.
    #[error(transparent)]
    Student(PipelineError),
    /// The index cannot be opened.
    #[error(transparent)]
    Index(#[from] SearchError),
    /// The student fails.
    #[error(transparent)]
    Warm(#[from] StageError),
    /// Loading panicked.
    #[error("loading the student or the index failed inside, which is a bug of r2r; the log says where")]
    Panicked,
    /// The system gives no threads or signals.
    #[error("the system gives no threads or signals: {0}")]
    System(#[source] io::Error),
}

/// A server that listens, but answers no more than that it is loading until it is run.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Listens at an address; port 0 is a free one.
    pub async fn bind(address: SocketAddr, config: ServerConfig) -> Result<Self, ServeError> {
        let refused = |source| ServeError::Address { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, app: Arc::new(App::new(config)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loads what is served, answers until `stop` is ready and the drain is over, and then finishes what was accepted,
    /// unless `hurry` is ready as well.
    ///
    /// # Errors
    /// Where the student or the index cannot be loaded.
    pub async fn run(
        self,
        serving: Serving,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self { listener, app, .. } = self;
        let (loaded, loading) = oneshot::channel();
        let of_loader = Arc::clone(&app);
        let report = move || {
            // Where nobody listens any more, the server was stopped while it loaded.
            let _ = loaded.send(load(&of_loader, &serving));
        };
        thread::Builder::new().name("r2r-load".to_owned()).spawn(report).map_err(ServeError::System)?;

        let limits = app.limits.clone();
        let stopping = Arc::clone(&app);
        let drain = limits.drain;
        let stop = async move {
            stop.await;
            stopping.stop();
            info!(drain_seconds = drain.as_secs(), "stopping: what was accepted is finished");
            sleep(drain).await;
        };
        tokio::select! {
            () = listen(listener, router(&app), &limits, stop, hurry) => Ok(()),
            error = failure(loading) => Err(error),
        }
    }
}

/// Why nothing could be loaded; not ready where everything was.
async fn failure(loading: oneshot::Receiver<Result<(), ServeError>>) -> ServeError {
    match loading.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(error)) => error,
        Err(_) => ServeError::Panicked,
    }
}

/// Opens and warms everything.
fn load(app: &App, serving: &Serving) -> Result<(), ServeError> {
    let index = serving.index.as_deref().map(Searcher::open).transpose()?;
    let student = Arc::new(LoadedStudent::open(&serving.student, &serving.options).map_err(ServeError::Student)?);
    let speed = warm_up(&student)?;
    let compute = Compute::start(Arc::clone(&student), &app.limits, speed, Arc::clone(&app.metrics))
        .map_err(ServeError::System)?;
    let index = index.map(|searcher| Arc::new(Bm25Retriever { searcher: Arc::new(searcher), bm25: Bm25::default() }));
    info!(
        student = student.name(),
        threads = student.engine().threads().get(),
        tokens_per_second = speed as u64,
        search = index.is_some(),
        "ready"
    );
    let searches = Arc::new(Semaphore::new(student.engine().threads().get()));
    app.ready(Service { compute: Arc::new(compute), index, searches, since: unix_seconds() });
    Ok(())
}

/// Serves until SIGTERM or Ctrl-C; a second one stops at once. `listening` hears the address.
pub fn serve(
    address: SocketAddr,
    config: ServerConfig,
    serving: Serving,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    // What a panic says may quote a document, so the log gets only its place.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "a panic");
    }));
    let runtime = Runtime::new().map_err(ServeError::System)?;
    runtime.block_on(async {
        let server = Server::bind(address, config).await?;
        let mut signals = Signals::new().map_err(ServeError::System)?;
        let mut again = Signals::new().map_err(ServeError::System)?;
        listening(server.address());
        let stop = async move { signals.next().await };
        let hurry = async move {
            // The first one has been heard by `stop` as well.
            again.next().await;
            again.next().await;
        };
        server.run(serving, stop, hurry).await
    })
}

/// SIGTERM and Ctrl-C.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_while_loading_ends_the_server() {
        let (loaded, loading) = oneshot::channel();
        let loader: thread::JoinHandle<()> = thread::spawn(move || {
            let _loaded: oneshot::Sender<Result<(), ServeError>> = loaded;
            panic!("weights that nobody foresaw");
        });
        assert!(matches!(failure(loading).await, ServeError::Panicked));
        assert!(loader.join().is_err());
    }
}
