//! A server on the loopback that speaks the providers' wire formats, with faults. It knows what it answered: each
//! question carries a mark, `<<mark>>`, in its last user turn.

pub(crate) mod batches;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod wire;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use self::batches::Batches;
use self::faults::{Fault, Faults};
use self::http::{Reply, Request};

/// What the server has seen and done.
#[derive(Default)]
pub(crate) struct Seen {
    /// Requests that came, with method, path and body.
    pub(crate) requests: Vec<Request>,
    /// How often each mark was answered whole, and so paid.
    pub(crate) paid: HashMap<String, u32>,
    /// How often each kind of fault was served.
    pub(crate) faults: HashMap<&'static str, u32>,
    /// The most requests under way at once.
    pub(crate) most_at_once: u64,
}

/// What the handlers of connections share.
pub(crate) struct State {
    pub(crate) faults: Faults,
    pub(crate) seen: Mutex<Seen>,
    pub(crate) batches: Mutex<Batches>,
    at_once: AtomicU64,
    /// Bodies of requests are kept for inspection.
    keep_requests: bool,
}

/// A running server; it ends with its value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start(faults: Faults) -> Self {
        Self::start_with(faults, true)
    }

    /// Without keeping requests, for long runs.
    pub(crate) fn start_forgetful(faults: Faults) -> Self {
        Self::start_with(faults, false)
    }

    fn start_with(faults: Faults, keep_requests: bool) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, batches) = (Mutex::default(), Mutex::default());
        let state = Arc::new(State { faults, seen, batches, at_once: AtomicU64::new(0), keep_requests });
        let shared = state.clone();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(http::serve(stream, shared.clone()));
            }
        });
        Self { address, state, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.state.seen.lock().unwrap()
    }

    pub(crate) fn batches(&self) -> MutexGuard<'_, Batches> {
        self.state.batches.lock().unwrap()
    }

    /// The bodies of the requests to a path that ends so.
    pub(crate) fn bodies(&self, path_end: &str) -> Vec<Value> {
        let seen = self.seen();
        let of_path = seen.requests.iter().filter(|request| request.path.ends_with(path_end));
        of_path.map(|request| serde_json::from_slice(&request.body).unwrap_or(Value::Null)).collect()
    }

    /// Whether no request is being answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.state.at_once.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.seen().requests.len()
    }
}

impl State {
    /// The reply to a request, and the fault in which it is wrapped.
    pub(crate) fn reply(&self, request: &Request) -> (Reply, Option<Fault>) {
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        let mut seen = self.seen.lock().unwrap();
        seen.most_at_once = seen.most_at_once.max(at_once);
        if self.keep_requests {
            seen.requests.push(request.clone());
        }
        drop(seen);
        if let Some(reply) = batches::reply(self, request) {
            return reply;
        }
        let Some(kind) = wire::Kind::of_path(&request.path) else {
            return (Reply::json(404, &serde_json::json!({ "error": { "message": "no such path" } })), None);
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let mark = wire::mark(&body.to_string());
        let fault = self.faults.next(&mark);
        if let Some(fault) = &fault {
            *self.seen.lock().unwrap().faults.entry(fault.name()).or_default() += 1;
            return (fault.reply(kind, &mark), Some(fault.clone()));
        }
        (Reply::json(200, &wire::answer(kind, &mark, &wire::text_for(&mark))), None)
    }

    /// The reply has been written whole.
    pub(crate) fn written(&self, request: &Request, paid: bool) {
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        if paid {
            let mark = wire::mark(&String::from_utf8_lossy(&request.body));
            *self.seen.lock().unwrap().paid.entry(mark).or_default() += 1;
        }
    }
}
