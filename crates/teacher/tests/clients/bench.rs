//! A server, a journal, a clock, questions.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use r2r_teacher::asking::events::{AskEvent, AskEvents};
use r2r_teacher::asking::outcome::{Answered, AskError, Tally};
use r2r_teacher::asking::{Asker, AskerConfig, Watching};
use r2r_teacher::batches::BatchConfig;
use r2r_teacher::chat::{AnswerShape, ChatRequest, Role, Turn};
use r2r_teacher::clients::endpoint::{ApiKey, Endpoint, Provider};
use r2r_teacher::clock::Clock;
use r2r_teacher::journal::key::Ask;
use r2r_teacher::journal::{Journal, JournalConfig};
use serde_json::json;

use crate::server::Server;

/// A clock on which every sleep is over at once, and time is as late as the latest sleeper woke.
pub(crate) struct LeapingClock(AtomicU64);

impl LeapingClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_795_575_845_000)))
    }
}

impl Clock for LeapingClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.fetch_max(self.now_ms() + duration.as_millis() as u64, Ordering::SeqCst);
        Box::pin(tokio::task::yield_now())
    }
}

pub(crate) fn schema() -> serde_json::Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["mark"],
            "properties": { "mark": { "type": "string" } } })
}

pub(crate) fn request(mark: &str) -> ChatRequest {
    ChatRequest {
        model: "test-model".to_owned(),
        system: "You rank.".to_owned(),
        turns: vec![Turn { role: Role::User, text: format!("Rank this. <<{mark}>>") }],
        shape: AnswerShape::Schema { name: "ranking".to_owned(), schema: schema() },
        max_tokens: 100,
        temperature: None,
        effort: None,
        seed: None,
    }
}

pub(crate) fn ask(mark: &str) -> Ask {
    Ask { tag: mark.to_owned(), prompt_hash: "p".to_owned(), sample: 0, request: request(mark) }
}

pub(crate) fn asks(n: usize) -> Vec<Ask> {
    (0..n).map(|i| ask(&format!("q{i}"))).collect()
}

/// Hears everything.
#[derive(Default)]
pub(crate) struct Ears(pub(crate) Mutex<Vec<String>>);

impl AskEvents for Ears {
    fn heard(&self, event: &AskEvent<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: AskerConfig,
    pub(crate) provider: Provider,
    pub(crate) clock: Arc<LeapingClock>,
    pub(crate) cancel: AtomicBool,
    pub(crate) ears: Ears,
}

impl Bench {
    pub(crate) fn new(provider: Provider, server: Server) -> Self {
        let mut config = AskerConfig::default();
        config.transport.timeout = Duration::from_secs(10);
        Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            config,
            provider,
            clock: LeapingClock::new(),
            cancel: AtomicBool::new(false),
            ears: Ears::default(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("answers.db")
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.provider, Some(&self.server.url()), Some(ApiKey::new("secret"))).unwrap()
    }

    pub(crate) fn journal(&self) -> Journal {
        open(&self.path())
    }

    pub(crate) fn asker(&self) -> Asker {
        Asker::new(self.endpoint(), Arc::new(self.journal()), self.clock.clone(), self.config.clone()).unwrap()
    }

    pub(crate) fn watching(&self) -> Watching<'_> {
        Watching { events: &self.ears, cancel: &self.cancel }
    }

    /// Asks with a fresh asker, as a new run of the program would.
    pub(crate) fn run(&self, asks: Vec<Ask>) -> (Vec<Answered>, Result<Tally, AskError>) {
        let mut answered = Vec::new();
        let mut take = |answer| {
            answered.push(answer);
            Vec::new()
        };
        let tally = self.asker().ask_all(&mut asks.into_iter(), &mut take, self.watching());
        (answered, tally)
    }

    pub(crate) fn run_in_batches(
        &self,
        asks: Vec<Ask>,
        config: &BatchConfig,
    ) -> (Vec<Answered>, Result<Tally, AskError>) {
        let mut answered = Vec::new();
        let mut take = |answer| {
            answered.push(answer);
            Vec::new()
        };
        let tally = self.asker().ask_all_in_batches(&mut asks.into_iter(), &mut take, config, self.watching());
        (answered, tally)
    }
}

pub(crate) fn open(path: &Path) -> Journal {
    let config = JournalConfig { reserve_bytes: 1 << 16, ..JournalConfig::default() };
    Journal::open(path, &config, 1).unwrap()
}

/// Every question has its own answer.
pub(crate) fn assert_all_answered(answered: &[Answered], n: usize) {
    assert_eq!(answered.len(), n);
    for Answered { ask, result, .. } in answered {
        let paid = result.as_ref().unwrap_or_else(|failure| panic!("{}: {failure}", ask.tag));
        assert_eq!(paid.answer.text, crate::server::wire::text_for(&ask.tag));
    }
}
