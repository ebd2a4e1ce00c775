//! What requests ask of the compute loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reason_to_rank::inference::Scored;
use reason_to_rank::types::document::Document;
use reason_to_rank::types::reasoning::{Reasoning, Stands};
use tokio::sync::{mpsc, oneshot};

use crate::compute::admission::Ticket;
use crate::compute::cost::REASONS_TOKENS;
use crate::compute::turns::Steps;

/// A query with its documents.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// The query.
    pub(crate) query: String,
    /// The documents, in the order in which the client gave them.
    pub(crate) documents: Vec<Document>,
}

/// Why a task has no result: a failure of ours, which the log tells more about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(pub(crate) String);

/// Where a task's time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Until its first step was begun.
    pub(crate) queued: Duration,
    /// Texts turned into word pieces.
    pub(crate) tokenized: Duration,
    /// In the encoder, together with others.
    pub(crate) inferred: Duration,
}

/// The scores of lists.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    /// One for each document, list after list, in their order.
    pub(crate) scored: Vec<Scored>,
    /// Word pieces that were read, query and document together.
    pub(crate) tokens: usize,
    /// Whether the query is longer than the student reads.
    pub(crate) query_truncated: bool,
    /// Where the time went.
    pub(crate) timing: Timing,
}

/// Reasons in the order of the places that were given, each as soon as it is written.
pub(crate) type Reasons = mpsc::UnboundedReceiver<Result<Reasoning, Failed>>;

/// A document to explain, at its place in an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The document's index in its list.
    pub(crate) document: usize,
    /// Its raw score.
    pub(crate) logit: f32,
    /// The index of the document it is compared with, and where it stands relative to that one.
    pub(crate) neighbor: Option<(usize, Stands)>,
}

/// A sentence of a document with its share of the document's attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// First code point in the document's text.
    pub(crate) start: usize,
    /// One past the last code point.
    pub(crate) end: usize,
    /// The evidence head's probability, which sums to 1 over the document's sentences.
    pub(crate) score: f32,
}

/// Work for the compute loop.
pub(crate) enum Task {
    /// Scores of lists.
    Score(Scoring),
    /// Reasons for documents.
    Explain(Explaining),
    /// The sentences that matter.
    Point(Pointing),
}

/// Lists of one request that are being scored, in the order of their documents.
pub(crate) struct Scoring {
    pub(crate) lists: Vec<Arc<List>>,
    /// All documents, by the index of their list and in it.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// The estimated tokens of each of them.
    pub(crate) costs: Vec<usize>,
    /// What is scored so far.
    pub(crate) scores: Scores,
    /// When it was asked for.
    pub(crate) since: Instant,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) reply: oneshot::Sender<Result<Scores, Failed>>,
}

/// Documents that are being explained.
pub(crate) struct Explaining {
    pub(crate) list: Arc<List>,
    pub(crate) places: Vec<Place>,
    /// How many of the places are explained.
    pub(crate) done: usize,
    /// How many are explained in one step.
    pub(crate) together: usize,
    pub(crate) ticket: Arc<Ticket>,
    /// Hears the reasons in the order of the places, each as soon as it is written.
    pub(crate) reply: mpsc::UnboundedSender<Result<Reasoning, Failed>>,
}

/// Documents in which the sentences that matter are being found.
pub(crate) struct Pointing {
    pub(crate) list: Arc<List>,
    /// Indices of documents, with the tokens that each is estimated to have.
    pub(crate) documents: Vec<(usize, usize)>,
    /// How many documents are read in one step.
    pub(crate) together: usize,
    /// The sentences of the documents that are done.
    pub(crate) found: Vec<Vec<Span>>,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) reply: oneshot::Sender<Result<Vec<Vec<Span>>, Failed>>,
}

impl Steps for Task {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Score(scoring) => !scoring.reply.is_closed(),
            Self::Explain(explaining) => !explaining.reply.is_closed(),
            Self::Point(pointing) => !pointing.reply.is_closed(),
        }
    }

    fn tokens_ahead(&self, steps: usize) -> Option<usize> {
        match self {
            Self::Score(scoring) => scoring.costs.get(scoring.scores.scored.len() + steps).copied(),
            Self::Explain(explaining) => {
                let rest = explaining.places.get(explaining.done + steps * explaining.together..)?;
                let together = rest.len().min(explaining.together);
                (together > 0).then_some(together * REASONS_TOKENS)
            }
            Self::Point(pointing) => {
                let rest = pointing.documents.get(pointing.found.len() + steps * pointing.together..)?;
                let tokens = rest.iter().take(pointing.together).map(|&(_, tokens)| tokens);
                (!rest.is_empty()).then(|| tokens.sum())
            }
        }
    }

    fn shares_batches(&self) -> bool {
        match self {
            Self::Score(_) => true,
            Self::Explain(_) | Self::Point(_) => false,
        }
    }
}
