//! What a listener hears while questions are asked.

use std::time::Duration;

use crate::clients::Usage;
use crate::journal::key::Ask;
use crate::ladder::Rung;

/// One step of asking.
#[derive(Clone, Debug)]
pub enum AskEvent<'e> {
    /// The answer was in the journal and cost nothing.
    FromJournal {
        /// The question.
        ask: &'e Ask,
    },
    /// An answer was paid, and is kept.
    Paid {
        /// The question.
        ask: &'e Ask,
        /// Its tokens.
        usage: Usage,
        /// Its cost in US dollars, where the price is known.
        cost_usd: Option<f64>,
        /// What the run has spent so far, in US dollars.
        spent_usd: f64,
    },
    /// A request failed and will be sent again.
    Retrying {
        /// The kind of trouble.
        kind: &'e str,
        /// What was said.
        what: &'e str,
        /// How long it waits before.
        wait: Duration,
    },
    /// A request waits for its place in the pace for long.
    WaitingForPace {
        /// How long.
        wait: Duration,
    },
    /// A model does not take the shape that was asked of its answers, and is asked for a looser one from now on.
    ShapeLowered {
        /// The model.
        model: &'e str,
        /// The looser shape.
        to: Rung,
    },
    /// A question failed for itself.
    Failed {
        /// The question.
        ask: &'e Ask,
        /// What was said.
        what: &'e str,
    },
    /// Other processes are asking the questions that remain; their answers are waited for.
    WaitingForOthers {
        /// How many.
        asks: usize,
    },
    /// A batch has come a step further.
    Batch {
        /// Our name for it.
        id: &'e str,
        /// How far: intended, uploaded, submitted, fetched, given up, or the provider's progress.
        step: &'e str,
        /// Questions answered in it so far.
        done: u64,
        /// Questions in it.
        total: u64,
    },
}

/// Hears of every step.
pub trait AskEvents {
    /// One step; called between requests, so it should not take long.
    fn heard(&self, event: &AskEvent<'_>);
}

/// Nobody listens.
impl AskEvents for () {
    fn heard(&self, _event: &AskEvent<'_>) {}
}
