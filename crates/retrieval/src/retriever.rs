//! An index with its BM25 parameters as a stage of the pipeline.

use std::sync::Arc;

use r2r_types::{Candidate, Candidates, Query, Retriever, StageError};

use crate::bm25::Bm25;
use crate::searcher::{SearchError, Searcher};

/// Finds candidates by BM25.
pub struct Bm25Retriever {
    /// The index; retrievers with other parameters may share it.
    pub searcher: Arc<Searcher>,
    /// The parameters, the same for every query.
    pub bm25: Bm25,
}

impl Retriever for Bm25Retriever {
    fn retrieve(&self, query: &Arc<Query>, depth: usize) -> Result<Candidates, StageError> {
        let found = self.searcher.search_documents(&query.text, depth, &self.bm25)?;
        let list =
            found.into_iter().map(|(document, score)| Candidate { document: Arc::new(document), score }).collect();
        Ok(Candidates { query: Arc::clone(query), list })
    }
}

impl From<SearchError> for StageError {
    fn from(error: SearchError) -> Self {
        Self::Failed(Box::new(error))
    }
}
