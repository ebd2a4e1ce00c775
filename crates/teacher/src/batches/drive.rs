//! The driver of batches: fills them, sends them, looks at them until they end, keeps what they bring.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::asking::attempts::sleep;
use crate::asking::desk::Desk;
use crate::asking::events::AskEvent;
use crate::asking::outcome::{Answered, AskError, AskFailure, Source, Tally};
use crate::asking::{Asker, Watching};
use crate::batches::open_batch::{Found, Looked, OpenBatch, Unanswered};
use crate::batches::steps::{StepTrouble, submit};
use crate::batches::{BatchConfig, Ended, limits, line};
use crate::cost::budget::Permission;
use crate::cost::prices::Route;
use crate::journal::answers::{Paid, Standing};
use crate::journal::batch_rows::{BatchEnd, BatchItem, BatchRow, BatchState, Intention};
use crate::journal::key::{Ask, AskKey};

/// How many questions are looked up in the journal at once.
const AT_ONCE: usize = 500;
/// How often the wish to stop is looked for while waiting.
const TICK: Duration = Duration::from_millis(100);

struct Driver<'d> {
    asker: &'d Asker,
    config: &'d BatchConfig,
    desk: Desk<'d>,
    /// Everything that the caller waits for.
    wanted: HashMap<AskKey, Vec<Ask>>,
    /// Leased, to go into the next batches.
    to_send: Vec<(AskKey, Ask)>,
    /// To be asked again; once all have been begun, those in the hands of other runs.
    to_begin: Vec<(AskKey, Ask)>,
    set_aside_usd: HashMap<AskKey, f64>,
    open: Vec<OpenBatch>,
    /// The most questions in a batch; fewer once the provider had no room for so many.
    most_items: usize,
    /// The most batches at once, as far as the provider had room.
    most_open: usize,
    stop: Option<AskError>,
}

pub(super) async fn drive(
    asker: &Asker,
    asks: &mut dyn Iterator<Item = Ask>,
    on_answer: &mut dyn FnMut(Answered) -> Vec<Ask>,
    config: &BatchConfig,
    watching: Watching<'_>,
) -> Result<Tally, AskError> {
    let mut driver = Driver {
        asker,
        config,
        desk: Desk::new(asks, on_answer, watching),
        wanted: HashMap::new(),
        to_send: Vec::new(),
        to_begin: Vec::new(),
        set_aside_usd: HashMap::new(),
        open: Vec::new(),
        most_items: config.items.min(limits(asker.endpoint().provider).items).max(1),
        most_open: usize::MAX,
        stop: None,
    };
    let ended = tokio::select! {
        ended = driver.run() => ended,
        never = halt_when_cancelled(asker, watching) => match never {},
    };
    let unsent: Vec<AskKey> = driver.to_send.drain(..).map(|(key, _)| key).collect();
    let let_go = asker.journal.let_go(&unsent);
    ended?;
    let_go?;
    driver.stop.take().map_or(Ok(()), Err)?;
    Ok(driver.desk.close(&asker.shared))
}

/// Ends every wait between two requests once the caller wants to stop.
async fn halt_when_cancelled(asker: &Asker, watching: Watching<'_>) -> Infallible {
    loop {
        if watching.cancel.load(Ordering::Relaxed) {
            asker.shared.halt.send_replace(true);
        }
        tokio::time::sleep(TICK).await;
    }
}

impl Driver<'_> {
    async fn run(&mut self) -> Result<(), AskError> {
        self.attend()?;
        loop {
            // What earlier runs left is looked at before anything new is sent.
            self.look_at_all().await?;
            self.begin_all()?;
            self.send_all().await?;
            self.check_cancelled()?;
            let waiting = !self.open.is_empty() || (self.stop.is_none() && !self.to_begin.is_empty());
            if !waiting && (self.to_send.is_empty() || self.stop.is_some()) {
                return Ok(());
            }
            self.wait().await?;
            self.attend()?;
        }
    }

    /// Takes on the batches of runs that died, and lets nobody take this one for dead.
    fn attend(&mut self) -> Result<(), AskError> {
        let Asker { journal, shared, config, .. } = self.asker;
        let now_ms = shared.clock.now_ms();
        let until_ms = now_ms + config.lease.as_millis() as u64;
        journal.renew_leases(now_ms, until_ms)?;
        let rows = journal.attend_to_batches(self.asker.endpoint(), now_ms, until_ms)?;
        // Who slept for longer than a lease was taken for dead, and others attend to its batches.
        let is_ours = |open: &OpenBatch| rows.iter().any(|row| row.id == open.row.id);
        let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open).into_iter().partition(is_ours);
        self.open = ours;
        for OpenBatch { items, .. } in others {
            self.give_back(&items);
            let wanted = self.still_wanted(items).into_iter();
            self.to_begin.extend(wanted.map(|BatchItem { key, ask, .. }| (key, ask)));
        }
        for row in rows {
            if self.open.iter().any(|open| open.row.id == row.id) {
                continue;
            }
            let items = self.asker.journal.batch_items(&row.id)?;
            let mut budget = self.asker.shared.budget();
            for item in &items {
                let usd = budget.worst_case(&item.ask.request, Route::Batch).unwrap_or(0.0);
                budget.set_aside(usd);
                self.set_aside_usd.insert(item.key.clone(), usd);
            }
            drop(budget);
            self.open.push(OpenBatch::new(row, items));
        }
        Ok(())
    }

    fn begin_all(&mut self) -> Result<(), AskError> {
        let mut begun = std::mem::take(&mut self.to_begin);
        loop {
            while begun.len() < AT_ONCE && self.stop.is_none() {
                let Some(ask) = self.desk.next() else { break };
                let key = self.asker.key(&ask);
                let same = self.wanted.entry(key.clone()).or_default();
                same.push(ask.clone());
                if same.len() == 1 {
                    begun.push((key, ask));
                }
            }
            if begun.is_empty() {
                break;
            }
            self.begin(std::mem::take(&mut begun))?;
        }
        let asks = self.to_begin.len();
        if asks > 0 {
            self.desk.watching.events.heard(&AskEvent::WaitingForOthers { asks });
        }
        Ok(())
    }

    fn begin(&mut self, asks: Vec<(AskKey, Ask)>) -> Result<(), AskError> {
        let standings = self.asker.begin(&asks, Route::Batch)?;
        for ((key, ask), standing) in asks.into_iter().zip(standings) {
            match standing {
                Standing::Answered(paid) => self.hand_over(&key, Source::Journal, &Ok(*paid)),
                Standing::Ours => self.to_send.push((key, ask)),
                // A batch of ours hands its answers over when it ends.
                Standing::InBatch(id) if self.open.iter().any(|open| open.row.id == id) => {}
                Standing::InBatch(_) | Standing::Elsewhere => self.to_begin.push((key, ask)),
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, key: &AskKey, source: Source, result: &Result<Paid, AskFailure>) {
        if let Some(asks) = self.wanted.remove(key) {
            self.desk.hand_over(&self.asker.shared, key, asks, source, result);
        }
    }

    /// Fills batches with what is leased, as far as the budget allows, and sends them. A batch is of one model.
    async fn send_all(&mut self) -> Result<(), AskError> {
        while self.stop.is_none() && !self.to_send.is_empty() && self.open.len() < self.most_open {
            // What came back may have made the caller stop.
            self.check_cancelled()?;
            let Asker { journal, shared, .. } = self.asker;
            let (_, elsewhere) = journal.ledger()?;
            shared.budget().hear_of_others(elsewhere);
            let items = self.fill();
            if items.is_empty() {
                return Ok(());
            }
            let row = BatchRow {
                id: journal.new_batch_id()?,
                model: items[0].0.ask.request.model.clone(),
                state: BatchState::Intended,
                file_id: None,
                remote_id: None,
                at_ms: shared.clock.now_ms(),
            };
            let left_usd = shared.budget().left_for_others();
            let intention = journal.intend_batch(self.asker.endpoint(), &row, &items, left_usd)?;
            let items: Vec<BatchItem> = items.into_iter().map(|(item, _)| item).collect();
            if intention == Intention::Outdated {
                self.begin_anew(items)?;
                continue;
            }
            let mut open = OpenBatch::new(row, items);
            self.tell(&open, BatchState::Intended.name());
            match submit(self.asker, &mut open.row, &open.items).await {
                Ok(()) => self.tell(&open, BatchState::Submitted.name()),
                Err(StepTrouble::Unknown) => {}
                Err(StepTrouble::Refused(what)) => {
                    self.give_up(open, &what)?;
                    continue;
                }
                Err(StepTrouble::Gone(what)) => {
                    // Nothing was made, so nothing of it may stand in the way of asking one by one.
                    self.take_back(open, BatchEnd::NotBegun, &what)?;
                    let advice = "there is no such interface for batches: check the name of the model and the base URL";
                    return Err(AskError::Stopped { what, advice: advice.to_owned() });
                }
                Err(StepTrouble::Untold(what)) => {
                    let advice = "run again later: the batch is looked up first, then sent".to_owned();
                    return Err(AskError::Stopped { what, advice });
                }
                Err(StepTrouble::Stop(error)) => return Err(error),
            }
            self.open.push(open);
        }
        Ok(())
    }

    /// Looks up anew where the questions of a batch stand that could not be intended.
    fn begin_anew(&mut self, items: Vec<BatchItem>) -> Result<(), AskError> {
        self.give_back(&items);
        self.begin(items.into_iter().map(|BatchItem { key, ask, .. }| (key, ask)).collect())
    }

    fn give_back(&mut self, items: &[BatchItem]) {
        for item in items {
            let usd = self.set_aside_usd.remove(&item.key).unwrap_or(0.0);
            self.asker.shared.budget().give_back(usd);
        }
    }

    /// The questions of the next batch, each with what it may cost, taken out of those to send; none where the budget
    /// waits for other batches.
    fn fill(&mut self) -> Vec<(BatchItem, f64)> {
        let provider = self.asker.endpoint().provider;
        let most_bytes = self.config.bytes.min(limits(provider).bytes);
        let model = self.to_send[0].1.request.model.clone();
        let (mut items, mut left, mut bytes, mut full) = (Vec::new(), Vec::new(), 0, false);
        if self.open.is_empty() {
            self.asker.shared.budget().nothing_under_way();
        }
        for (key, ask) in std::mem::take(&mut self.to_send) {
            if full || ask.request.model != model || items.len() >= self.most_items {
                left.push((key, ask));
                continue;
            }
            let rung = self.asker.shared.ladder.rung(provider, &ask.request);
            let size = line(provider, key.as_str(), &ask.request, rung).to_string().len() + 2;
            full = bytes + size > most_bytes && !items.is_empty();
            if !full {
                match self.asker.shared.budget().permission(&ask.request, Route::Batch) {
                    Permission::Given(usd) => {
                        self.set_aside_usd.insert(key.clone(), usd);
                        bytes += size;
                        items.push((BatchItem { key, ask, rung }, usd));
                        continue;
                    }
                    Permission::Wait => full = true,
                    Permission::Never(error) => {
                        full = true;
                        self.stop = Some(error.into());
                    }
                }
            }
            left.push((key, ask));
        }
        self.to_send = left;
        items
    }

    async fn look_at_all(&mut self) -> Result<(), AskError> {
        let mut without_room = Vec::new();
        for mut open in std::mem::take(&mut self.open) {
            let looked = match open.row.state {
                BatchState::Intended | BatchState::Uploaded => match open.find_again(self.asker, self.config).await? {
                    Found::Submitted => {
                        self.tell(&open, "found again");
                        Looked::Working
                    }
                    Found::Doubtful => Looked::Working,
                    Found::Refused(what) => Looked::Failed(what),
                },
                BatchState::Submitted | BatchState::Fetched | BatchState::GivenUp => {
                    open.look(self.asker, self.config).await?
                }
            };
            match looked {
                Looked::Working => {
                    self.tell(&open, "working");
                    self.open.push(open);
                }
                Looked::Failed(what) => self.give_up(open, &what)?,
                Looked::NoRoom(what) => without_room.push((open, what)),
                Looked::Ended(ended) => self.settle(open, &ended).await?,
            }
        }
        // Only now is it known how many there was room for.
        without_room.into_iter().try_for_each(|(open, what)| self.send_less(open, &what))
    }

    /// Keeps what a batch brought, then hands it over.
    async fn settle(&mut self, mut open: OpenBatch, ended: &Ended) -> Result<(), AskError> {
        let fetched = open.fetch(self.asker, self.config, ended, &mut self.set_aside_usd).await?;
        let Asker { journal, shared, .. } = self.asker;
        self.asker.note_unsure()?;
        journal.settle_batch(self.asker.endpoint(), &open.row, &fetched.answers, shared.clock.now_ms())?;
        open.done = fetched.answers.len() as u64;
        self.tell(&open, BatchState::Fetched.name());
        let mut troubles = fetched.troubles;
        for (key, ask, paid) in fetched.answers {
            self.asker.learn(&ask.request.model, paid.rung)?;
            self.hand_over(&key, Source::Provider, &Ok(paid));
        }
        for unanswered in fetched.unanswered {
            troubles.push(("unanswered in a batch", unanswered.what.clone()));
            self.ask_again(unanswered)?;
        }
        Ok(journal.count_troubles(&troubles, shared.clock.now_ms())?)
    }

    /// The questions of a batch that failed as a whole are free again; it counts as an attempt of each.
    fn give_up(&mut self, open: OpenBatch, what: &str) -> Result<(), AskError> {
        for BatchItem { key, ask, .. } in self.take_back(open, BatchEnd::Failed, what)? {
            self.ask_again(Unanswered { key, ask, what: what.to_owned(), refused: false, shape: false })?;
        }
        Ok(())
    }

    /// The provider has no room for a batch: its questions wait for the others to end, or go into smaller ones.
    fn send_less(&mut self, open: OpenBatch, what: &str) -> Result<(), AskError> {
        let n_items = open.items.len();
        match self.open.len() {
            0 if n_items == 1 => return self.give_up(open, what),
            0 => self.most_items = self.most_items.min(n_items / 2),
            n_open => self.most_open = self.most_open.min(n_open),
        }
        let items = self.take_back(open, BatchEnd::NotBegun, what)?;
        self.desk.tally.retries += items.len() as u64;
        self.to_begin.extend(items.into_iter().map(|BatchItem { key, ask, .. }| (key, ask)));
        Ok(())
    }

    /// The questions of a batch that was not worked on, which the caller still waits for.
    fn take_back(&mut self, open: OpenBatch, end: BatchEnd, what: &str) -> Result<Vec<BatchItem>, AskError> {
        self.asker.note_unsure()?;
        let journal = &self.asker.journal;
        journal.give_up_batch(&open.row, end, what)?;
        journal.count_troubles(&[("batch failed", what.to_owned())], self.asker.shared.clock.now_ms())?;
        self.tell(&open, BatchState::GivenUp.name());
        self.give_back(&open.items);
        Ok(self.still_wanted(open.items))
    }

    fn still_wanted(&self, items: Vec<BatchItem>) -> Vec<BatchItem> {
        items.into_iter().filter(|item| self.wanted.contains_key(&item.key)).collect()
    }

    fn ask_again(&mut self, unanswered: Unanswered) -> Result<(), AskError> {
        let Unanswered { key, ask, what, refused, shape } = unanswered;
        if !self.wanted.contains_key(&key) {
            return Ok(());
        }
        let attempts = self.asker.journal.failed_in_batches(&key)?;
        let failure = match () {
            () if refused => Some(AskFailure::Refused(what)),
            // Two rungs may be refused before one is taken.
            () if attempts >= self.config.attempts + if shape { 2 } else { 0 } => {
                Some(AskFailure::Unavailable { attempts, what })
            }
            () => None,
        };
        if let Some(failure) = failure {
            self.hand_over(&key, Source::Provider, &Err(failure));
        } else {
            self.desk.tally.retries += 1;
            self.to_begin.push((key, ask));
        }
        Ok(())
    }

    async fn wait(&self) -> Result<(), AskError> {
        let poll = sleep(&self.asker.shared, self.config.poll_every);
        tokio::pin!(poll);
        loop {
            self.check_cancelled()?;
            tokio::select! {
                _ = &mut poll => return Ok(()),
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    fn check_cancelled(&self) -> Result<(), AskError> {
        if self.desk.watching.cancel.load(Ordering::Relaxed) { Err(AskError::Cancelled) } else { Ok(()) }
    }

    fn tell(&self, open: &OpenBatch, step: &str) {
        let (id, done, total) = (open.row.id.as_str(), open.done, open.items.len() as u64);
        self.desk.watching.events.heard(&AskEvent::Batch { id, step, done, total });
    }
}
