//! What a student must be able to do to be a reranker that explains itself.

use std::num::NonZeroUsize;
use std::ops::Range;

use r2r_types::document::Document;
use r2r_types::reasoning::Stands;
use r2r_types::stage::StageError;

/// A model that scores documents and writes reasons for an order it is told.
pub trait Student: Send + Sync {
    /// One score for each document, in the order given. A document's score depends on the query and
    /// that document only.
    fn score(&self, query: &str, documents: &[&Document]) -> Result<Vec<Score>, StageError>;

    /// As [`Student::score`], but documents that will not be among the best `n` may be stopped with a part of the work
    /// done. At least `n` are finished, where there are so many.
    ///
    /// # Errors
    /// As [`Student::score`]; `Failed` where the student does not know when to stop.
    fn score_early(&self, query: &str, documents: &[&Document], n: NonZeroUsize)
    -> Result<Vec<EarlyScore>, StageError>;

    /// Whether it has learned to write reasons.
    fn writes_reasons(&self) -> bool;

    /// Reasons for each request, in the order given.
    ///
    /// # Errors
    /// `Failed` where the student does not write reasons.
    fn explain(&self, query: &str, requests: &[ExplanationRequest<'_>]) -> Result<Vec<WrittenReasons>, StageError>;
}

/// A document's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The raw score that orders documents.
    pub logit: f32,
    /// The calibrated probability of relevance, in 0..=1; rises with the logit.
    pub probability: f32,
}

/// What is known of a document that may have been stopped early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EarlyScore {
    /// Its score: all of it was read.
    Finished(Score),
    /// The logit that was foreseen when it was stopped; good for an order among the stopped, no more.
    Stopped(f32),
}

/// One document to explain, with its place in the order.
#[derive(Clone, Copy, Debug)]
pub struct ExplanationRequest<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its score.
    pub logit: f32,
    /// The document it is compared with, and where the explained one stands relative to it;
    /// `None` where it stands alone.
    pub neighbor: Option<(&'a Document, Stands)>,
}

/// What a student says about one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenReasons {
    /// How the document answers the query.
    pub direct: String,
    /// Why it stands above or below its neighbor; empty without one.
    pub comparison: String,
    /// The sentence that the student points at, as a byte range of the document's text.
    pub evidence: Option<Range<usize>>,
    /// The query's content words that the document has.
    pub matched: Vec<String>,
    /// The query's content words that it lacks.
    pub missing: Vec<String>,
}
