//! A query's hits in the order of a file, checked to be candidates.

use std::collections::HashSet;
use std::sync::Arc;

use crate::candidates::{Candidate, Candidates};
use crate::document::{Document, Query};

/// One hit as a file states it.
pub(crate) struct Hit {
    pub(crate) document: Document,
    pub(crate) score: f64,
}

/// The hits as candidates of the query; otherwise what is wrong with them.
pub(crate) fn candidates(query: Query, hits: Vec<Hit>) -> Result<Candidates, String> {
    let mut list = Vec::with_capacity(hits.len());
    let mut seen = HashSet::with_capacity(hits.len());
    for Hit { document, score } in hits {
        let single = score as f32;
        if !single.is_finite() {
            return Err(format!("the score {score} of document {} is out of range", document.id));
        }
        if !seen.insert(document.id.clone()) {
            return Err(format!("document {} occurs twice for query {}", document.id, query.id));
        }
        list.push(Candidate { document: Arc::new(document), score: single });
    }
    Ok(Candidates { query: Arc::new(query), list })
}
