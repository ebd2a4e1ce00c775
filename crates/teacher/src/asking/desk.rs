//! The desk at which answers are handed to the caller, who may bring further questions.

use std::collections::VecDeque;

use crate::asking::events::AskEvent;
use crate::asking::outcome::{Answered, AskFailure, Source, Tally};
use crate::asking::{Shared, Watching};
use crate::journal::answers::Paid;
use crate::journal::key::{Ask, AskKey};

pub(crate) struct Desk<'d> {
    asks: &'d mut dyn Iterator<Item = Ask>,
    on_answer: &'d mut dyn FnMut(Answered) -> Vec<Ask>,
    pub(crate) watching: Watching<'d>,
    /// Questions that answers brought; they come before those of the caller.
    further: VecDeque<Ask>,
    pub(crate) tally: Tally,
}

impl<'d> Desk<'d> {
    pub(crate) fn new(
        asks: &'d mut dyn Iterator<Item = Ask>,
        on_answer: &'d mut dyn FnMut(Answered) -> Vec<Ask>,
        watching: Watching<'d>,
    ) -> Self {
        Self { asks, on_answer, watching, further: VecDeque::new(), tally: Tally::default() }
    }

    /// The next question.
    pub(crate) fn next(&mut self) -> Option<Ask> {
        self.further.pop_front().or_else(|| self.asks.next())
    }

    /// Hands over what came of a question. The same question asked several times is paid once: the others have it from
    /// the journal.
    pub(crate) fn hand_over(
        &mut self,
        shared: &Shared,
        key: &AskKey,
        asks: Vec<Ask>,
        source: Source,
        result: &Result<Paid, AskFailure>,
    ) {
        for (i, ask) in asks.into_iter().enumerate() {
            let source = if i == 0 { source } else { Source::Journal };
            self.count(shared, &ask, source, result);
            let answered = Answered { ask, key: key.clone(), source, result: result.clone() };
            for ask in (self.on_answer)(answered).into_iter().rev() {
                self.further.push_front(ask);
            }
        }
    }

    fn count(&mut self, shared: &Shared, ask: &Ask, source: Source, result: &Result<Paid, AskFailure>) {
        let events = self.watching.events;
        match (result, source) {
            (Err(failure), _) => {
                self.tally.failed += 1;
                events.heard(&AskEvent::Failed { ask, what: &failure.to_string() });
            }
            (Ok(_), Source::Journal) => {
                self.tally.from_journal += 1;
                events.heard(&AskEvent::FromJournal { ask });
            }
            (Ok(paid), Source::Provider) => {
                self.tally.paid += 1;
                let (usage, cost_usd) = (paid.answer.usage, paid.cost_usd);
                let spent_usd = shared.budget().spent_usd();
                events.heard(&AskEvent::Paid { ask, usage, cost_usd, spent_usd });
            }
        }
    }

    /// The tally with what the account says.
    pub(crate) fn close(mut self, shared: &Shared) -> Tally {
        let budget = shared.budget();
        self.tally.spent_usd = budget.spent_usd();
        self.tally.unsure_usd = budget.unsure_usd();
        self.tally.unpriced = budget.unpriced();
        self.tally
    }
}
