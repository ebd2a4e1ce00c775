//! A run: for each query, the documents that a system returned, with scores.

use std::collections::BTreeMap;

use crate::id::{DocId, QueryId};

/// What a system returned: query -> documents with scores. Order is decided by the scores.
///
/// No document occurs twice for a query and no score is NaN: the readers and [`Run::insert`] see to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The run's tag (sixth column of a TREC run), or the file it came from.
    pub name: String,
    topics: BTreeMap<QueryId, Vec<(DocId, f64)>>,
}

/// Why a line cannot join a run.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RunError {
    /// The document is there already.
    #[error("document {doc} occurs twice for query {query}")]
    Duplicate {
        /// The query.
        query: QueryId,
        /// The document.
        doc: DocId,
    },
    /// The score is NaN.
    #[error("document {doc} of query {query} has no number as its score")]
    NotANumber {
        /// The query.
        query: QueryId,
        /// The document.
        doc: DocId,
    },
}

impl Run {
    /// An empty run.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), topics: BTreeMap::new() }
    }

    /// Adds a query with its documents, in any order; replaces nothing.
    pub fn insert(&mut self, query: QueryId, documents: Vec<(DocId, f64)>) -> Result<(), RunError> {
        let existing = self.topics.entry(query.clone()).or_default();
        let mut seen: std::collections::HashSet<DocId> = existing.iter().map(|(doc, _)| doc.clone()).collect();
        for (doc, score) in documents {
            if score.is_nan() {
                return Err(RunError::NotANumber { query, doc });
            }
            if !seen.insert(doc.clone()) {
                return Err(RunError::Duplicate { query, doc });
            }
            existing.push((doc, score));
        }
        Ok(())
    }

    /// The documents of a query, in file order; `None` where the run lacks the query.
    pub fn documents(&self, query: &QueryId) -> Option<&[(DocId, f64)]> {
        self.topics.get(query).map(Vec::as_slice)
    }

    /// The queries, ordered by name.
    pub fn queries(&self) -> impl ExactSizeIterator<Item = &QueryId> {
        self.topics.keys()
    }

    /// Queries with their documents, ordered by query.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&QueryId, &[(DocId, f64)])> {
        self.topics.iter().map(|(query, documents)| (query, documents.as_slice()))
    }

    /// The documents of a query as they rank: score descending, ties in file order.
    pub fn ranked(&self, query: &QueryId) -> Vec<&(DocId, f64)> {
        let mut documents: Vec<&(DocId, f64)> = self.documents(query).unwrap_or_default().iter().collect();
        documents.sort_by(|a, b| b.1.total_cmp(&a.1));
        documents
    }

    /// The run less the documents that `is_dropped` names, and how many those were. Queries stay, if empty.
    pub fn without(&self, mut is_dropped: impl FnMut(&QueryId, &DocId) -> bool) -> (Self, usize) {
        let mut kept = self.clone();
        let mut n_dropped = 0;
        for (query, documents) in &mut kept.topics {
            let before = documents.len();
            documents.retain(|(doc, _)| !is_dropped(query, doc));
            n_dropped += before - documents.len();
        }
        (kept, n_dropped)
    }
}
