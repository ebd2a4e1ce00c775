//! The driver: pulls questions, keeps so many under way, puts what comes back on disk, hands it over.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::asking::attempts::{self, Outcome, Report};
use crate::asking::desk::Desk;
use crate::asking::events::AskEvent;
use crate::asking::outcome::{Answered, AskError, AskFailure, Source, Tally};
use crate::asking::{Asker, Watching};
use crate::cost::budget::Permission;
use crate::cost::prices::Route;
use crate::journal::JournalError;
use crate::journal::answers::{Paid, Standing};
use crate::journal::key::{Ask, AskKey};

/// How often the wish to stop and the answers of other processes are looked for.
const TICK: Duration = Duration::from_millis(100);
/// How often keeping paid answers is tried, a second apart, where the journal cannot be written.
const KEEP_ATTEMPTS: u32 = 60;
/// Troubles are counted in the journal in groups of so many.
const TROUBLES_AT_ONCE: usize = 256;

struct Done {
    key: AskKey,
    ask: Ask,
    set_aside_usd: f64,
    outcome: Outcome,
}

struct Driver<'d> {
    asker: &'d Asker,
    desk: Desk<'d>,
    /// Leased and not yet sent.
    ready: VecDeque<(AskKey, Ask)>,
    /// The same question asked again while it is under way waits for its answer.
    under_way: HashMap<AskKey, Vec<Ask>>,
    elsewhere: Vec<(AskKey, Ask)>,
    running: JoinSet<Done>,
    reports: UnboundedSender<Report>,
    troubles: Vec<(&'static str, String)>,
    unavailable_in_a_row: usize,
    stop: Option<AskError>,
    /// Of a request that ended by a bug of ours.
    panic: Option<Box<dyn Any + Send>>,
}

pub(super) async fn drive(
    asker: &Asker,
    asks: &mut dyn Iterator<Item = Ask>,
    on_answer: &mut dyn FnMut(Answered) -> Vec<Ask>,
    watching: Watching<'_>,
) -> Result<Tally, AskError> {
    let (reports, heard) = unbounded_channel();
    let driver = Driver {
        asker,
        desk: Desk::new(asks, on_answer, watching),
        ready: VecDeque::new(),
        under_way: HashMap::new(),
        elsewhere: Vec::new(),
        running: JoinSet::new(),
        reports,
        troubles: Vec::new(),
        unavailable_in_a_row: 0,
        stop: None,
        panic: None,
    };
    driver.run(heard).await
}

impl Driver<'_> {
    async fn run(mut self, mut heard: UnboundedReceiver<Report>) -> Result<Tally, AskError> {
        loop {
            self.send_and_begin();
            if self.running.is_empty() && (self.stop.is_some() || self.elsewhere.is_empty()) {
                break;
            }
            let step = tokio::select! {
                Some(done) = self.running.join_next() => self.take(done).await,
                Some(report) = heard.recv() => self.hear(report),
                () = tokio::time::sleep(TICK) => self.ask_elsewhere_again(),
            };
            self.stop_on_error(step);
        }
        while let Ok(report) = heard.try_recv() {
            let step = self.hear(report);
            self.stop_on_error(step);
        }
        let step = self.count_troubles(1).and_then(|()| self.let_go_of_unsent());
        self.stop_on_error(step);
        if let Some(panic) = self.panic {
            std::panic::resume_unwind(panic);
        }
        let tally = self.desk.close(&self.asker.shared);
        self.stop.map_or(Ok(tally), Err)
    }

    /// Sends and begins until no place is free or nothing is left.
    fn send_and_begin(&mut self) {
        loop {
            self.look_for_reasons_to_stop();
            if self.stop.is_some() {
                return;
            }
            let sent = self.send_ready();
            let begun = self.begin_more();
            let more = matches!(begun, Ok(true));
            self.stop_on_error(begun);
            if !sent && !more {
                return;
            }
        }
    }

    /// An error ends the run, but not before what is under way has come back and is kept.
    fn stop_on_error<T>(&mut self, step: Result<T, AskError>) {
        if let Err(error) = step {
            self.stop = Some(self.stop.take().unwrap_or(error));
            self.asker.shared.halt.send_replace(true);
        }
    }

    fn let_go_of_unsent(&mut self) -> Result<(), AskError> {
        let unsent: Vec<AskKey> = self.ready.drain(..).map(|(key, _)| key).collect();
        if !unsent.is_empty() {
            self.asker.journal.let_go(&unsent)?;
        }
        Ok(())
    }

    fn look_for_reasons_to_stop(&mut self) {
        if self.stop.is_none() && self.desk.watching.cancel.load(Ordering::Relaxed) {
            self.stop = Some(AskError::Cancelled);
        }
        if self.stop.is_none() && self.asker.journal.is_full() {
            self.stop = Some(JournalError::Full(self.asker.journal.path().to_owned()).into());
        }
        if self.stop.is_some() {
            self.asker.shared.halt.send_replace(true);
        }
    }

    /// Sends what is leased, as far as places and budget allow; whether anything was sent.
    fn send_ready(&mut self) -> bool {
        let mut sent = false;
        if self.running.is_empty() {
            self.asker.shared.budget().nothing_under_way();
        }
        while self.running.len() < self.asker.config.pace.concurrency {
            let Some((_, ask)) = self.ready.front() else { break };
            let set_aside_usd = match self.asker.shared.budget().permission(&ask.request, Route::Live) {
                Permission::Given(usd) => usd,
                Permission::Wait => break,
                Permission::Never(error) => {
                    self.stop = Some(error.into());
                    break;
                }
            };
            let (key, ask) = self.ready.pop_front().expect("the front was just seen");
            let (shared, reports) = (self.asker.shared.clone(), self.reports.clone());
            self.running.spawn_on(
                async move {
                    let outcome = attempts::ask(shared, key.clone(), ask.request.clone(), set_aside_usd, reports).await;
                    Done { key, ask, set_aside_usd, outcome }
                },
                self.asker.runtime.handle(),
            );
            sent = true;
        }
        sent
    }

    /// Pulls as many questions as there are places, and finds or leases each; whether there were any.
    fn begin_more(&mut self) -> Result<bool, AskError> {
        if !self.ready.is_empty() {
            return Ok(false);
        }
        let places = self.asker.config.pace.concurrency.saturating_sub(self.running.len());
        let mut begun = Vec::new();
        while begun.len() < places {
            let Some(ask) = self.desk.next() else { break };
            let key = self.asker.key(&ask);
            if let Some(same) = self.under_way.get_mut(&key) {
                same.push(ask);
            } else {
                self.under_way.insert(key.clone(), Vec::new());
                begun.push((key, ask));
            }
        }
        let any = !begun.is_empty();
        self.begin(begun)?;
        Ok(any)
    }

    fn begin(&mut self, asks: Vec<(AskKey, Ask)>) -> Result<(), AskError> {
        if asks.is_empty() {
            return Ok(());
        }
        let standings = self.asker.begin(&asks, Route::Live)?;
        for ((key, ask), standing) in asks.into_iter().zip(standings) {
            match standing {
                Standing::Answered(paid) => self.hand_over(&key, ask, Source::Journal, &Ok(*paid)),
                Standing::Ours => self.ready.push_back((key, ask)),
                Standing::Elsewhere => self.elsewhere.push((key, ask)),
                Standing::InBatch(id) => {
                    self.hand_over(&key, ask, Source::Journal, &Err(AskFailure::InBatch(id)));
                }
            }
        }
        Ok(())
    }

    fn ask_elsewhere_again(&mut self) -> Result<(), AskError> {
        if self.stop.is_some() || self.elsewhere.is_empty() {
            return Ok(());
        }
        let asks = self.elsewhere.len();
        self.desk.watching.events.heard(&AskEvent::WaitingForOthers { asks });
        let elsewhere = std::mem::take(&mut self.elsewhere);
        self.begin(elsewhere)
    }

    /// Keeps what has come back, all that is there at once, and hands it over.
    async fn take(&mut self, first: Result<Done, tokio::task::JoinError>) -> Result<(), AskError> {
        let mut came = vec![first];
        while let Some(next) = self.running.try_join_next() {
            came.push(next);
        }
        let (mut paid, mut failed, mut let_go) = (Vec::new(), Vec::new(), Vec::new());
        for done in came {
            let Done { key, ask, set_aside_usd, outcome } = match done {
                Ok(done) => done,
                Err(error) => {
                    // The others may have paid answers in hand: they are kept before the program ends.
                    self.panic = self.panic.take().or_else(|| error.try_into_panic().ok());
                    self.stop = Some(self.stop.take().unwrap_or(AskError::Cancelled));
                    continue;
                }
            };
            let mut budget = self.asker.shared.budget();
            match outcome {
                Outcome::Answered(answer, rung) => {
                    self.unavailable_in_a_row = 0;
                    let cost_usd = budget.paid(set_aside_usd, &ask.request.model, &answer, Route::Live);
                    paid.push((key, ask, Paid { answer: *answer, rung, route: Route::Live, cost_usd }));
                    continue;
                }
                Outcome::Failed(failure) => failed.push((key.clone(), ask, failure)),
                Outcome::Stop(error) => self.stop = Some(self.stop.take().unwrap_or(error)),
                Outcome::Halted => {}
            }
            budget.give_back(set_aside_usd);
            let_go.push(key);
        }
        self.keep(&paid).await?;
        // Before their leases end: what may have been paid is never out of sight.
        self.asker.note_unsure()?;
        if !let_go.is_empty() {
            self.asker.journal.let_go(&let_go)?;
        }
        for (key, ask, paid) in paid {
            self.asker.learn(&ask.request.model, paid.rung)?;
            self.hand_over(&key, ask, Source::Provider, &Ok(paid));
        }
        for (key, ask, failure) in failed {
            self.fail(&key, ask, failure);
        }
        Ok(())
    }

    async fn keep(&mut self, paid: &[(AskKey, Ask, Paid)]) -> Result<(), AskError> {
        if paid.is_empty() {
            return Ok(());
        }
        let Asker { journal, shared, .. } = self.asker;
        // Once a minute of waiting was in vain, the others that come back do not wait again.
        let mut attempt = if matches!(self.stop, Some(AskError::Unkept { .. })) { KEEP_ATTEMPTS } else { 1 };
        loop {
            match journal.keep(shared.transport.endpoint(), paid, shared.clock.now_ms()) {
                Ok(()) => return Ok(()),
                Err(error) if attempt >= KEEP_ATTEMPTS => {
                    return Err(AskError::Unkept { answers: paid.len(), error });
                }
                // They are paid: somebody may make room meanwhile.
                Err(_) => shared.clock.sleep(Duration::from_secs(1)).await,
            }
            attempt += 1;
        }
    }

    fn fail(&mut self, key: &AskKey, ask: Ask, failure: AskFailure) {
        if let AskFailure::Unavailable { what, .. } = &failure {
            self.unavailable_in_a_row += 1;
            // As many questions as are ever under way at once have failed without one answer between.
            if self.unavailable_in_a_row >= self.asker.config.pace.concurrency.max(8) && self.stop.is_none() {
                let advice = "no request gets through: check the provider's status and the network, then run again";
                self.stop = Some(AskError::Stopped { what: what.clone(), advice: advice.to_owned() });
            }
        }
        let kind = match &failure {
            AskFailure::Refused(_) => "question refused",
            AskFailure::Unavailable { .. } => "question without answer",
            AskFailure::Malformed { .. } => "question with unreadable answers",
            AskFailure::InBatch(_) => "question in a batch",
        };
        self.troubles.push((kind, failure.to_string()));
        self.hand_over(key, ask, Source::Provider, &Err(failure));
    }

    fn hand_over(&mut self, key: &AskKey, ask: Ask, source: Source, result: &Result<Paid, AskFailure>) {
        let mut asks = vec![ask];
        asks.extend(self.under_way.remove(key).unwrap_or_default());
        self.desk.hand_over(&self.asker.shared, key, asks, source, result);
    }

    fn hear(&mut self, report: Report) -> Result<(), AskError> {
        match report {
            Report::PerhapsPaid { worst_usd, leave } => {
                let noted = self.asker.note_unsure().map_err(AskError::from);
                let again = || self.asker.shared.budget().again(worst_usd).map_err(AskError::from);
                let allowed = noted.and_then(|()| again());
                // Who asked may have been halted meanwhile.
                let _ = leave.send(allowed);
            }
            Report::Retrying { kind, what, wait } => {
                self.desk.tally.retries += 1;
                self.desk.watching.events.heard(&AskEvent::Retrying { kind, what: &what, wait });
                self.troubles.push((kind, what));
            }
            Report::Waiting { wait } => self.desk.watching.events.heard(&AskEvent::WaitingForPace { wait }),
            Report::ShapeLowered { model, to } => {
                self.desk.watching.events.heard(&AskEvent::ShapeLowered { model: &model, to });
                self.troubles.push(("shape refused", format!("{model} is asked for {} now", to.name())));
            }
        }
        self.count_troubles(TROUBLES_AT_ONCE)
    }

    fn count_troubles(&mut self, at_least: usize) -> Result<(), AskError> {
        if self.troubles.len() >= at_least {
            self.asker.journal.count_troubles(&self.troubles, self.asker.shared.clock.now_ms())?;
            self.troubles.clear();
        }
        Ok(())
    }
}
