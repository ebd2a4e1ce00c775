//! The two traits that connect the stages, and the way they fail.

use std::num::NonZeroUsize;
use std::sync::Arc;

use thiserror::Error;

use crate::candidates::Candidates;
use crate::document::Query;
use crate::ranking::Ranking;

/// An error of any kind, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How a stage fails: each variant is a decision for the caller.
#[derive(Debug, Error)]
pub enum StageError {
    /// Not now: try again later.
    #[error("not available now: {0}")]
    Unavailable(#[source] BoxError),
    /// This input or answer cannot be used: count it and go on.
    #[error("malformed: {0}")]
    Malformed(String),
    /// It will not work: stop.
    #[error("failed: {0}")]
    Failed(#[source] BoxError),
}

/// Whether reasons are asked for, and for how many of the best documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// The order only.
    None,
    /// Reasons for the best `n` documents.
    Top(usize),
}

/// Finds candidates for a query.
pub trait Retriever: Send + Sync {
    /// The best `depth` documents of the query, best first.
    fn retrieve(&self, query: &Arc<Query>, depth: usize) -> Result<Candidates, StageError>;
}

/// Puts candidates in order: teachers, students, sliding windows, cascades and controls all do.
pub trait Reranker: Send + Sync {
    /// The most candidates it can order at once; `None` where there is no limit.
    fn window(&self) -> Option<NonZeroUsize> {
        None
    }

    /// A permutation of the candidates, best first, explained where asked.
    fn rerank(&self, candidates: &Candidates, reasons: Reasons) -> Result<Ranking, StageError>;
}
