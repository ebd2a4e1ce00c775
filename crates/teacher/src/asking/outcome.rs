//! What asking comes to: answers, failures of single questions, and reasons to stop.

use serde::Serialize;
use thiserror::Error;

use crate::clients::trouble::Trouble;
use crate::cost::budget::BudgetError;
use crate::journal::JournalError;
use crate::journal::answers::Paid;
use crate::journal::key::{Ask, AskKey};

/// A question with what came of it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The question.
    pub ask: Ask,
    /// Its key in the journal.
    pub key: AskKey,
    /// Where the answer comes from.
    pub source: Source,
    /// The answer, or why there is none.
    pub result: Result<Paid, AskFailure>,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was in the journal before.
    Journal,
    /// It was asked for now.
    Provider,
}

/// Why a single question has no answer; others may have theirs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskFailure {
    /// It is refused for itself: too long, against the rules.
    #[error("refused: {0}")]
    Refused(String),
    /// The provider or the network failed as often as allowed.
    #[error("no answer after {attempts} attempts: {what}")]
    Unavailable {
        /// How often it was sent.
        attempts: u32,
        /// What was said last.
        what: String,
    },
    /// What came back is no answer of the provider's format, as often as allowed.
    #[error("{attempts} answers could not be read: {what}")]
    Malformed {
        /// How often it was sent.
        attempts: u32,
        /// What was wrong last.
        what: String,
    },
    /// It lies in a batch of an earlier run that nobody attends to.
    #[error("the question lies in batch {0}: fetch it by asking in batches, so that it is not paid twice")]
    InBatch(String),
}

/// Why a run stopped.
#[derive(Debug, Error)]
pub enum AskError {
    /// The provider takes no request before somebody does something.
    #[error("{what}; {advice}")]
    Stopped {
        /// What the provider said.
        what: String,
        /// What to do.
        advice: String,
    },
    /// The budget ends here.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The caller ended it; every paid answer is kept.
    #[error("stopped as asked; every paid answer is kept, run again to go on")]
    Cancelled,
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Answers were paid and could not be kept.
    #[error("{answers} paid answers could not be kept: {error}")]
    Unkept {
        /// How many.
        answers: usize,
        /// Why.
        error: JournalError,
    },
    /// The machine has no threads left.
    #[error("the runtime of requests cannot start: {0}")]
    Runtime(std::io::Error),
}

impl From<Trouble> for AskError {
    /// Of a trouble that ends a run.
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Stop { what, advice } => Self::Stopped { what, advice },
            other => Self::Stopped { what: other.to_string(), advice: "run again later".to_owned() },
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Answers found in the journal.
    pub from_journal: u64,
    /// Answers paid in this run.
    pub paid: u64,
    /// Questions without an answer.
    pub failed: u64,
    /// Requests sent again.
    pub retries: u64,
    /// What the account has spent, in US dollars, as far as prices are known.
    pub spent_usd: f64,
    /// What may have been spent on answers that never came, at most, in US dollars.
    pub unsure_usd: f64,
    /// Paid answers whose price is not known.
    pub unpriced: u64,
}
