//! Relevance judgments of people: which document answers which query, and how well.

use std::collections::BTreeMap;

use crate::id::{DocId, QueryId};

/// Query -> document -> grade. A grade above 0 is relevant, 0 is not, below 0 is spam.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qrels {
    topics: BTreeMap<QueryId, BTreeMap<DocId, i32>>,
}

impl Qrels {
    /// Adds a judgment; `false`, and nothing changes, where that pair is judged already.
    pub fn insert(&mut self, query: QueryId, doc: DocId, grade: i32) -> bool {
        match self.topics.entry(query).or_default().entry(doc) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(grade);
                true
            }
        }
    }

    /// The grade of a document; `None` where nobody judged it.
    pub fn grade(&self, query: &QueryId, doc: &DocId) -> Option<i32> {
        self.topics.get(query)?.get(doc).copied()
    }

    /// The judged documents of a query, ordered by name.
    pub fn judged(&self, query: &QueryId) -> Option<&BTreeMap<DocId, i32>> {
        self.topics.get(query)
    }

    /// Queries with their judgments, ordered by query.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&QueryId, &BTreeMap<DocId, i32>)> {
        self.topics.iter()
    }

    /// How many queries have judgments.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether nothing is judged.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// How many pairs of a query and a document are judged.
    pub fn n_pairs(&self) -> usize {
        self.topics.values().map(BTreeMap::len).sum()
    }
}
