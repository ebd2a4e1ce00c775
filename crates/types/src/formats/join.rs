//! A run joined with the collection that it ranks: names that the collection lacks are counted.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::candidates::{Candidate, Candidates};
use crate::formats::beir::Collection;
use crate::id::{DocId, QueryId};
use crate::run::Run;

/// How many unknown names are kept as examples.
const SAMPLE: usize = 5;

/// The names of a run that its collection lacks. A caller may refuse the run or report the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownIds {
    /// Queries of the run that the collection lacks.
    pub n_queries: usize,
    /// The first of them, by name.
    pub queries: Vec<QueryId>,
    /// Documents of the run that the collection lacks, each counted once.
    pub n_documents: usize,
    /// The first of them, by name.
    pub documents: Vec<DocId>,
    /// Lines of the run that name an unknown query or document.
    pub n_lines: usize,
}

impl UnknownIds {
    /// Whether every name is known.
    pub fn is_empty(&self) -> bool {
        self.n_lines == 0 && self.n_queries == 0
    }
}

impl fmt::Display for UnknownIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_queries, queries, n_documents, documents, n_lines } = self;
        write!(f, "{n_lines} lines name {n_queries} queries and {n_documents} documents that the collection lacks")?;
        if let Some(query) = queries.first() {
            write!(f, "; a query: {query}")?;
        }
        if let Some(doc) = documents.first() {
            write!(f, "; a document: {doc}")?;
        }
        Ok(())
    }
}

/// The names of a run that the collection lacks.
pub fn unknown_ids(run: &Run, collection: &Collection) -> UnknownIds {
    let (mut queries, mut documents, mut n_lines) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (query, ranked) in run.iter() {
        let query_is_known = collection.queries.contains_key(query);
        if !query_is_known {
            queries.insert(query);
        }
        for (doc, _) in ranked {
            let doc_is_known = collection.documents.contains_key(doc);
            if !doc_is_known {
                documents.insert(doc);
            }
            n_lines += usize::from(!query_is_known || !doc_is_known);
        }
    }
    UnknownIds {
        n_queries: queries.len(),
        queries: queries.into_iter().take(SAMPLE).cloned().collect(),
        n_documents: documents.len(),
        documents: documents.into_iter().take(SAMPLE).cloned().collect(),
        n_lines,
    }
}

/// Each known query of the run with the text of its best `depth` known documents, ordered by query.
///
/// Unknown names are left out, and do not count toward the depth: see [`unknown_ids`].
pub fn candidates_of_run(run: &Run, collection: &Collection, depth: usize) -> Vec<Candidates> {
    let mut joined = Vec::with_capacity(run.iter().len());
    for (name, _) in run.iter() {
        let Some(query) = collection.queries.get(name) else { continue };
        let known = run.ranked(name).into_iter().filter_map(|(doc, score)| {
            let document = Arc::clone(collection.documents.get(doc)?);
            Some(Candidate { document, score: score.clamp(f32::MIN.into(), f32::MAX.into()) as f32 })
        });
        joined.push(Candidates { query: Arc::clone(query), list: known.take(depth).collect() });
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Query};
    use crate::formats::trec::run_of_text;

    fn collection() -> Collection {
        let mut collection = Collection::default();
        for id in ["a", "b", "c"] {
            let document = Document { id: id.into(), title: String::new(), text: id.to_uppercase() };
            collection.documents.insert(id.into(), Arc::new(document));
        }
        collection.queries.insert("1".into(), Arc::new(Query { id: "1".into(), text: "one".into() }));
        collection
    }

    #[test]
    fn unknown_names_are_counted_once_and_left_out() {
        let text = "1 Q0 a 1 1 t\n1 Q0 x 2 3 t\n1 Q0 b 3 2 t\n2 Q0 x 1 1 t\n2 Q0 c 1 0 t\n";
        let run = run_of_text("run", text).unwrap();
        let unknown = unknown_ids(&run, &collection());
        assert_eq!((unknown.n_queries, unknown.n_documents, unknown.n_lines), (1, 1, 3));
        assert_eq!(
            unknown.to_string(),
            "3 lines name 1 queries and 1 documents that the collection lacks; a query: 2; a document: x"
        );
        let joined = candidates_of_run(&run, &collection(), 1);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].list.len(), 1);
        assert_eq!(joined[0].list[0].document.text, "B");
        assert!(unknown_ids(&run_of_text("run", "1 Q0 a 1 1 t\n").unwrap(), &collection()).is_empty());
    }
}
