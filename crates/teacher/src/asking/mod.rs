//! Asking: many questions in, their answers out, each from the journal or paid once.
//!
//! A question is looked up first; what is not there is leased, sent at the provider's pace, kept on disk, and only then
//! handed to the caller, who may have further questions. Everything here blocks: the caller needs no async runtime.

pub(crate) mod attempts;
pub(crate) mod desk;
mod drive;
pub mod events;
pub mod outcome;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::asking::events::AskEvents;
use crate::asking::outcome::{Answered, AskError, Tally};
use crate::clients::Usage;
use crate::clients::endpoint::Endpoint;
use crate::clients::transport::{Transport, TransportConfig};
use crate::clock::Clock;
use crate::cost::budget::Budget;
use crate::cost::estimate::input_tokens;
use crate::cost::prices::{PriceTable, Route};
use crate::journal::answers::{Paid, Standing};
use crate::journal::key::{Ask, AskKey};
use crate::journal::{Journal, JournalError};
use crate::ladder::{Ladder, Rung};
use crate::pace::{Pace, PaceConfig};

/// How to ask.
#[derive(Clone, Debug)]
pub struct AskerConfig {
    /// How fast.
    pub pace: PaceConfig,
    /// How long to wait for the network, and how much to take from it.
    pub transport: TransportConfig,
    /// The most that may be spent through the journal, by all runs, in US dollars; `None` is no limit.
    pub budget_usd: Option<f64>,
    /// What tokens cost; by default nobody knows.
    pub prices: PriceTable,
    /// How long a question or a batch stays leased to a run whose end cannot be seen (on file systems without locks).
    pub lease: Duration,
}

impl Default for AskerConfig {
    fn default() -> Self {
        Self {
            pace: PaceConfig::default(),
            transport: TransportConfig::default(),
            budget_usd: None,
            prices: PriceTable::empty(),
            lease: Duration::from_hours(2),
        }
    }
}

/// Asks the models of one endpoint.
pub struct Asker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) config: AskerConfig,
    pub(crate) runtime: Runtime,
    /// Two who ask at once through one journal would be one owner of its leases, and could pay for the same answer.
    turn: Mutex<()>,
}

/// What the requests under way share.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) pace: Pace,
    pub(crate) ladder: Ladder,
    pub(crate) clock: Arc<dyn Clock>,
    budget: Mutex<Budget>,
    /// True: nobody waits any longer, nobody sends anything new.
    pub(crate) halt: watch::Sender<bool>,
    pub(crate) max_answer_bytes: usize,
    pub(crate) max_results_bytes: usize,
}

impl Shared {
    pub(crate) fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().expect("no panic happens under this lock")
    }
}

/// Who hears of the progress, and who may end it.
#[derive(Clone, Copy)]
pub struct Watching<'w> {
    /// Hears of every step.
    pub events: &'w dyn AskEvents,
    /// Once true, nothing new is sent; what is under way is waited for and kept.
    pub cancel: &'w AtomicBool,
}

/// What asking would take.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Questions.
    pub asks: u64,
    /// Of these, answered in the journal.
    pub in_journal: u64,
    /// Tokens of the others' input, by rule of thumb.
    pub input_tokens: u64,
    /// Tokens of the others' output if each is as long as it may be.
    pub most_output_tokens: u64,
    /// What the input costs, in US dollars; `None` where a price is unknown.
    pub input_usd: Option<f64>,
    /// What all costs if each answer is as long as it may be, in US dollars; `None` where a price is unknown.
    pub most_usd: Option<f64>,
    /// The date of the prices; empty where there are none.
    pub prices_dated: String,
}

impl Asker {
    /// An asker of this endpoint. It remembers from the journal which shapes of answers the models take.
    pub fn new(
        endpoint: Endpoint,
        journal: Arc<Journal>,
        clock: Arc<dyn Clock>,
        config: AskerConfig,
    ) -> Result<Self, AskError> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(AskError::Runtime)?;
        let ladder = Ladder::remembering(journal.learned_shapes(&endpoint)?);
        let (spent_usd, elsewhere) = journal.ledger()?;
        let prices = config.prices.clone();
        let budget = Mutex::new(Budget::new(config.budget_usd, prices, endpoint.provider, spent_usd, elsewhere));
        let pace = Pace::new(config.pace.clone(), clock.now_ms());
        let transport = Transport::new(endpoint, &config.transport)?;
        let (halt, _) = watch::channel(false);
        let TransportConfig { max_answer_bytes, max_results_bytes, .. } = config.transport;
        let shared = Shared { transport, pace, ladder, clock, budget, halt, max_answer_bytes, max_results_bytes };
        let shared = Arc::new(shared);
        Ok(Self { shared, journal, config, runtime, turn: Mutex::new(()) })
    }

    /// Who is asked.
    pub fn endpoint(&self) -> &Endpoint {
        self.shared.transport.endpoint()
    }

    /// The key of a question to this endpoint.
    pub fn key(&self, ask: &Ask) -> AskKey {
        AskKey::of(self.endpoint(), ask)
    }

    /// Asks all questions, and those that `on_answer` returns, before others. Answers come in any order; each is on disk
    /// when `on_answer` hears of it. A question that fails for itself is handed over as a failure; an error means that
    /// the run could not go on, and says what to do: run again, and it goes on where it stopped.
    pub fn ask_all(
        &self,
        asks: &mut dyn Iterator<Item = Ask>,
        on_answer: &mut dyn FnMut(Answered) -> Vec<Ask>,
        watching: Watching<'_>,
    ) -> Result<Tally, AskError> {
        let _turn = self.take_turn();
        self.runtime.block_on(drive::drive(self, asks, on_answer, watching))
    }

    /// Waits until nobody else asks, and takes back a wish to stop.
    pub(crate) fn take_turn(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.shared.halt.send_replace(false);
        // Nothing of this run has been refused.
        self.shared.pace.went_through();
        turn
    }

    /// What is kept of a question, where it was answered.
    pub fn find(&self, ask: &Ask) -> Result<Option<Paid>, JournalError> {
        self.journal.find(&self.key(ask))
    }

    /// Leases questions, with what each may cost, and learns what others have spent by now. What is to go into a batch may
    /// wait for long, and costs nothing before that batch is intended.
    pub(crate) fn begin(&self, asks: &[(AskKey, Ask)], route: Route) -> Result<Vec<Standing>, JournalError> {
        let worst = |ask: &Ask| match route {
            Route::Live => self.shared.budget().worst_case(&ask.request, route).unwrap_or(0.0),
            Route::Batch => 0.0,
        };
        let keys: Vec<(AskKey, f64)> = asks.iter().map(|(key, ask)| (key.clone(), worst(ask))).collect();
        let now_ms = self.shared.clock.now_ms();
        let begun = self.journal.begin(&keys, now_ms, now_ms + self.config.lease.as_millis() as u64)?;
        self.shared.budget().hear_of_others(begun.elsewhere);
        Ok(begun.standings)
    }

    /// Remembers the shape that a model takes, once it has answered in it and it is not the one that all start from.
    pub(crate) fn learn(&self, model: &str, rung: Rung) -> Result<(), JournalError> {
        if self.shared.ladder.keep_once(model, rung) {
            self.journal.learn_shape(self.endpoint(), model, rung)?;
        }
        Ok(())
    }

    /// Writes into the journal what was perhaps paid since the last time, and learns what others have spent by then.
    pub(crate) fn note_unsure(&self) -> Result<(), JournalError> {
        let usd = self.shared.budget().unnoted_usd();
        if usd > 0.0 {
            let elsewhere = self.journal.note_unsure(usd)?;
            let mut budget = self.shared.budget();
            budget.noted(usd);
            budget.hear_of_others(elsewhere);
        }
        Ok(())
    }

    /// What asking these questions would take; nothing is sent.
    pub fn estimate(&self, asks: &mut dyn Iterator<Item = Ask>, route: Route) -> Result<Estimate, JournalError> {
        let prices = &self.config.prices;
        let mut estimate = Estimate {
            input_usd: Some(0.0),
            most_usd: Some(0.0),
            prices_dated: prices.dated.clone(),
            ..Estimate::default()
        };
        for ask in asks {
            estimate.asks += 1;
            if self.find(&ask)?.is_some() {
                estimate.in_journal += 1;
                continue;
            }
            let input = Usage { input: input_tokens(&ask.request), ..Usage::default() };
            let most = Usage { output: u64::from(ask.request.max_tokens), ..input };
            estimate.input_tokens += most.input;
            estimate.most_output_tokens += most.output;
            let price = prices.price(self.endpoint().provider, &ask.request.model);
            let add = |total: Option<f64>, usage: &Usage| Some(total? + price?.cost(usage, route));
            estimate.input_usd = add(estimate.input_usd, &input);
            estimate.most_usd = add(estimate.most_usd, &most);
        }
        Ok(estimate)
    }
}
