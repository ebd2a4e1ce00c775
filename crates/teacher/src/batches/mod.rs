//! Batches: many questions in one file, answered within a day at half the price. One file a provider, each with the same
//! parts in the same order: limits, to create, to find again, to poll, to read. The driver is shared.

pub mod anthropic;
mod drive;
pub mod gemini;
mod open_batch;
pub mod openai;
mod results;
mod steps;

use std::time::Duration;

use serde_json::Value;

use crate::asking::outcome::{Answered, AskError, Tally};
use crate::asking::{Asker, Watching};
use crate::chat::ChatRequest;
use crate::clients::Outgoing;
use crate::clients::endpoint::{Endpoint, Provider};
use crate::clients::trouble::Trouble;
use crate::journal::batch_rows::{BatchItem, BatchRow};
use crate::journal::key::Ask;
use crate::ladder::{Rung, at_rung};

/// How batches are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// The most questions in one batch; the provider's own limit where that is lower.
    pub items: usize,
    /// The most bytes of one batch; the provider's own limit where that is lower.
    pub bytes: usize,
    /// How long between two looks at the batches.
    pub poll_every: Duration,
    /// The most batches in which one question is sent.
    pub attempts: u32,
    /// How long a batch whose sending was interrupted is looked for before it is sent again: a provider may still be
    /// reading it, and list it late.
    pub settle: Duration,
    /// Whether the questions of a batch that the provider no longer has, or whose results stay unreadable, are asked
    /// again, and paid again.
    pub ask_lost_again: bool,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            items: 10_000,
            bytes: 150 << 20,
            poll_every: Duration::from_secs(30),
            attempts: 3,
            settle: Duration::from_mins(1),
            ask_lost_again: false,
        }
    }
}

impl Asker {
    /// Asks all questions in batches; those that `on_answer` returns go into later ones. Everything else is as in
    /// [`Asker::ask_all`]. Batches of an earlier run that died are found again and fetched first.
    pub fn ask_all_in_batches(
        &self,
        asks: &mut dyn Iterator<Item = Ask>,
        on_answer: &mut dyn FnMut(Answered) -> Vec<Ask>,
        batches: &BatchConfig,
        watching: Watching<'_>,
    ) -> Result<Tally, AskError> {
        let _turn = self.take_turn();
        self.runtime.block_on(drive::drive(self, asks, on_answer, batches, watching))
    }
}

/// What a provider takes in one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Questions.
    pub items: usize,
    /// Bytes of the body or file.
    pub bytes: usize,
}

/// How far the provider is with a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It works on it.
    Working {
        /// Questions done.
        done: u64,
        /// Questions in all, where it says so.
        total: u64,
    },
    /// It has ended, whole or in parts.
    Ended(Ended),
    /// It failed as a whole and has no results.
    Failed(String),
    /// It was not begun: the account has as much under way as it may.
    NoRoom(String),
}

/// A batch that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Where its results lie.
    pub addresses: Vec<String>,
    /// How many of its questions the provider counts as answered, and so as paid, where it says so.
    pub succeeded: Option<u64>,
}

/// One result of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The custom id that we gave the question.
    pub custom_id: String,
    /// The provider's answer as in a live request, or why there is none.
    pub result: Result<Value, ItemTrouble>,
}

/// Why a question of a batch has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemTrouble {
    /// What the provider said.
    pub what: String,
    /// Whether the same question would be refused again.
    pub refused: bool,
}

/// A batch that the provider lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The provider's name of it.
    pub remote_id: String,
    /// Our name of it, where the provider keeps that.
    pub id: Option<String>,
    /// When it was made, in milliseconds since 1970, where the provider says so.
    pub created_ms: Option<u64>,
    /// Questions in it, where the provider says so.
    pub total: Option<u64>,
}

/// What a provider takes in one batch.
pub fn limits(provider: Provider) -> Limits {
    match provider {
        Provider::OpenAi | Provider::Compatible => openai::LIMITS,
        Provider::Anthropic => anthropic::LIMITS,
        Provider::Gemini => gemini::LIMITS,
    }
}

/// One question as it stands in a batch.
pub(crate) fn line(provider: Provider, custom_id: &str, request: &ChatRequest, rung: Rung) -> Value {
    let request = at_rung(request, rung);
    match provider {
        Provider::OpenAi | Provider::Compatible => openai::line(provider, custom_id, &request, rung),
        Provider::Anthropic => anthropic::line(custom_id, &request, rung),
        Provider::Gemini => gemini::line(custom_id, &request, rung),
    }
}

/// The request that makes the batch; of `OpenAI`'s the file has been uploaded before.
pub(crate) fn create(endpoint: &Endpoint, row: &BatchRow, items: &[BatchItem]) -> Outgoing {
    let lines = || -> Vec<Value> {
        let lines = items.iter();
        lines.map(|item| line(endpoint.provider, item.key.as_str(), &item.ask.request, item.rung)).collect()
    };
    match endpoint.provider {
        Provider::OpenAi | Provider::Compatible => {
            openai::create(endpoint, &row.id, row.file_id.as_deref().unwrap_or_default())
        }
        Provider::Anthropic => anthropic::create(endpoint, &lines()),
        Provider::Gemini => gemini::create(endpoint, &row.model, &row.id, &lines()),
    }
}

/// The provider's name of a batch, in the answer to its making.
pub(crate) fn created(provider: Provider, body: &Value) -> Result<String, Trouble> {
    let name = match provider {
        Provider::OpenAi | Provider::Compatible | Provider::Anthropic => body.get("id"),
        Provider::Gemini => body.get("name"),
    };
    let name = name.and_then(Value::as_str).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| Trouble::Malformed("a batch without a name".to_owned()))
}

/// One page of the provider's list of batches.
pub(crate) fn list(endpoint: &Endpoint, after: Option<&str>) -> Outgoing {
    match endpoint.provider {
        Provider::OpenAi | Provider::Compatible => openai::list(endpoint, after),
        Provider::Anthropic => anthropic::list(endpoint, after),
        Provider::Gemini => gemini::list(endpoint, after),
    }
}

/// The batches of a page, and where the next one begins.
pub(crate) fn listed(provider: Provider, body: &Value) -> (Vec<Listed>, Option<String>) {
    match provider {
        Provider::OpenAi | Provider::Compatible => openai::listed(body),
        Provider::Anthropic => anthropic::listed(body),
        Provider::Gemini => gemini::listed(body),
    }
}

/// The request that asks how far a batch is.
pub(crate) fn poll(endpoint: &Endpoint, remote_id: &str) -> Outgoing {
    match endpoint.provider {
        Provider::OpenAi | Provider::Compatible => openai::poll(endpoint, remote_id),
        Provider::Anthropic => anthropic::poll(endpoint, remote_id),
        Provider::Gemini => gemini::poll(endpoint, remote_id),
    }
}

/// How far it is.
pub(crate) fn progress(endpoint: &Endpoint, remote_id: &str, body: &Value) -> Result<Progress, Trouble> {
    match endpoint.provider {
        Provider::OpenAi | Provider::Compatible => openai::progress(endpoint, body),
        Provider::Anthropic => anthropic::progress(endpoint, body),
        Provider::Gemini => gemini::progress(endpoint, remote_id, body),
    }
}

/// The results of a batch, in any order, and how many of its lines cannot be read.
pub(crate) fn items(provider: Provider, body: &[u8]) -> (Vec<Item>, usize) {
    let lines: Vec<Option<Item>> = match provider {
        Provider::OpenAi | Provider::Compatible => json_lines(body).map(|line| openai::item(&line?)).collect(),
        Provider::Anthropic => json_lines(body).map(|line| anthropic::item(&line?)).collect(),
        Provider::Gemini => gemini::items(&serde_json::from_slice(body).unwrap_or(Value::Null)),
    };
    let n_lines = lines.len();
    let items: Vec<Item> = lines.into_iter().flatten().collect();
    let n_unread = n_lines - items.len();
    (items, n_unread)
}

/// Each line, `None` where it is no JSON.
fn json_lines(body: &[u8]) -> impl Iterator<Item = Option<Value>> + '_ {
    let lines = body.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| serde_json::from_slice(line).ok())
}
