//! A server in this process, and a client for it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use r2r_server::config::ServerConfig;
use r2r_server::run::{ServeError, Server, Serving};
use reason_to_rank::student::{LoadedStudent, StudentOptions};
use reason_to_rank::types::document::Document;
use reqwest::header::HeaderMap;
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), ServeError>>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Which student serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A student of two small layers with fixed weights, on two threads.
    Small,
    /// The shipped student on one thread: slow enough to be caught at work.
    Shipped,
}

impl Who {
    pub(crate) fn folder(self) -> PathBuf {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        match self {
            Self::Small => crates.join("inference/tests/golden/student"),
            Self::Shipped => crates.parent().unwrap().join("models/r2r-mini"),
        }
    }

    pub(crate) fn options(self) -> StudentOptions {
        let threads = match self {
            Self::Small => 2,
            Self::Shipped => 1,
        };
        StudentOptions { threads: NonZeroUsize::new(threads), ..StudentOptions::default() }
    }

    /// The same student, asked without a server.
    pub(crate) fn open(self) -> LoadedStudent {
        LoadedStudent::open(&self.folder(), &self.options()).unwrap()
    }
}

impl Running {
    /// A server of the small student with the defaults.
    pub(crate) async fn small() -> Self {
        Self::start(Who::Small, ServerConfig::default()).await
    }

    pub(crate) async fn start(who: Who, config: ServerConfig) -> Self {
        Self::serving(config, Serving { student: who.folder(), options: who.options(), index: None }).await
    }

    pub(crate) async fn serving(config: ServerConfig, serving: Serving) -> Self {
        let server = Server::bind(([127, 0, 0, 1], 0).into(), config).await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(server.run(serving, stopped, std::future::pending()));
        let running = Self { address, client: Client::new(), stop: Some(stop), ended };
        while running.get("/health").await.status != 200 {
            assert!(!running.ended.is_finished(), "the server ended while it loaded");
            tokio::task::yield_now().await;
        }
        running
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.client.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.post(self.url(path)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn post_bytes(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        Answer::of(self.client.post(self.url(path)).body(body).send().await.unwrap()).await
    }

    /// Sends a request, and goes on while it is worked on.
    pub(crate) fn begin(&self, path: &str, body: &Value) -> JoinHandle<reqwest::Result<Response>> {
        tokio::spawn(self.client.post(self.url(path)).json(body).send())
    }

    /// Waits until one of the server's metrics is as it should be.
    pub(crate) async fn wait_until(&self, metric: &str, is_right: impl Fn(f64) -> bool) {
        while !is_right(self.metric(metric).await) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.text("/metrics").await;
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Waits for the end.
    pub(crate) async fn ended(self) -> Result<(), ServeError> {
        self.ended.await.unwrap()
    }
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    /// The body of an answer that must be one.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{:#}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A number of an answer, as the 32-bit float that it is.
#[track_caller]
pub(crate) fn float(value: &Value) -> f32 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number")) as f32
}

/// The order of an answer.
pub(crate) fn indices(results: &Value) -> Vec<u64> {
    results.as_array().unwrap().iter().map(|result| result["index"].as_u64().unwrap()).collect()
}

pub(crate) fn documents(texts: &[&str]) -> Vec<Document> {
    let document = |(index, text): (usize, &&str)| Document {
        id: index.to_string().into(),
        title: String::new(),
        text: (*text).to_owned(),
    };
    texts.iter().enumerate().map(document).collect()
}

/// Documents with a number of sentences each, no two of them alike.
pub(crate) fn many(n: usize, sentences: usize) -> Vec<String> {
    let sentence = |i: usize, j: usize| format!("Number {i} and {j} cools lava slowly near river {}.", i * 7 + j);
    (0..n).map(|i| (0..sentences).map(|j| sentence(i, j)).collect::<Vec<_>>().join(" ")).collect()
}

/// Scores as the library gives them: probability and logit of each document.
pub(crate) fn scores(student: &LoadedStudent, query: &str, texts: &[&str]) -> Vec<(f32, f32)> {
    let documents = documents(texts);
    let documents: Vec<&Document> = documents.iter().collect();
    student.signals(query, &documents).unwrap().iter().map(|one| (one.probability, one.logit)).collect()
}

/// Indices, best first, ties in the order of the input.
pub(crate) fn order(scores: &[(f32, f32)]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].1.total_cmp(&scores[a].1));
    order.into_iter().map(|index| index as u64).collect()
}
