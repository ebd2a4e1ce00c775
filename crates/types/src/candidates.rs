//! What a first stage found for a query.

use std::sync::Arc;

use crate::document::{Document, Query};

/// A query with the documents that a first stage found, best first.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// The query.
    pub query: Arc<Query>,
    /// The documents, best first; no document occurs twice.
    pub list: Vec<Candidate>,
}

/// A document with the score that its first stage gave it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The document.
    pub document: Arc<Document>,
    /// The first stage's score, higher is better.
    pub score: f32,
}
