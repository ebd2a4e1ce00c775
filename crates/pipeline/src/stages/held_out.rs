//! A recipe's `[[validation]]` collections -> queries that nothing was learned from, with what BM25 finds for them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use r2r_distillation::query_text::{normalized, sorted_words};
use r2r_types::document::{Document, Query};
use r2r_types::formats::beir::{Collection, read_qrels};
use r2r_types::id::QueryId;
use r2r_types::qrels::Qrels;
use sha2::{Digest, Sha256};

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::recipe::{Recipe, ValidationSection};
use crate::stages::distill::{TRAIN, read_examples, test_queries};
use crate::stages::index::refresh_index;
use crate::stages::retrieve::retrieve_run;

/// The held-out queries of one collection.
pub(crate) struct HeldOut {
    pub(crate) qrels: Qrels,
    pub(crate) lists: Vec<HeldOutList>,
}

/// A query and its candidates, at least one of them relevant.
pub(crate) struct HeldOutList {
    pub(crate) query: Arc<Query>,
    pub(crate) documents: Vec<Arc<Document>>,
}

/// Queries that were learned from (those of the `dev` lists were not), or that a test collection of the recipe asks; the
/// same words in another order are the same query.
pub(crate) struct KnownQueries(HashSet<String>);

impl KnownQueries {
    /// Those of a recipe whose examples are distilled.
    pub(crate) fn of(recipe: &Recipe) -> Result<Self, PipelineError> {
        let train = read_examples(&recipe.artifact("distill").join(TRAIN))?;
        let mut known = Self(HashSet::new());
        known.add(train.iter().map(|example| example.query.text.as_str()));
        for folder in recipe.test_folders() {
            known.add(test_queries(&folder)?.iter().map(|query| query.text.as_str()));
        }
        Ok(known)
    }

    fn add<'a>(&mut self, queries: impl Iterator<Item = &'a str>) {
        self.0.extend(queries.flat_map(|query| [normalized(query), sorted_words(query)]));
    }

    fn contains(&self, query: &str) -> bool {
        self.0.contains(&normalized(query)) || self.0.contains(&sorted_words(query))
    }
}

/// The queries of a collection that are not known and whose candidates hold a relevant document, in the order of a seeded
/// hash.
pub(crate) fn held_out(
    recipe: &Recipe,
    section: &ValidationSection,
    known: &KnownQueries,
    progress: &mut dyn Progress,
) -> Result<HeldOut, PipelineError> {
    let path = recipe.data_path(&section.path);
    let index = recipe.artifact("indexes").join(section.path.file_name().unwrap_or(section.path.as_os_str()));
    refresh_index(&path, &index, progress)?;
    let collection = Collection::read(&path)?;
    let qrels = read_qrels(&path, &section.split)?;
    let is_held_out = |query: &&Arc<Query>| {
        let relevant = qrels.judged(&query.id).is_some_and(|judged| judged.values().any(|grade| *grade > 0));
        relevant && !known.contains(&query.text)
    };
    let mut queries: Vec<Arc<Query>> = collection.queries.values().filter(is_held_out).cloned().collect();
    queries.sort_by_cached_key(|query| Sha256::digest(format!("{} {}", recipe.seed, query.id)).to_vec());
    queries.truncate(section.limit);
    let (candidates, _) = retrieve_run(&index, &queries, section.depth, recipe.retrieval.bm25(), progress)?;
    let by_id: HashMap<&QueryId, &Arc<Query>> = queries.iter().map(|query| (&query.id, query)).collect();

    let mut lists = Vec::new();
    for (query, documents) in candidates.iter() {
        let documents: Vec<Arc<Document>> =
            documents.iter().filter_map(|(doc, _)| collection.documents.get(doc).cloned()).collect();
        let relevant = |document: &Arc<Document>| qrels.grade(query, &document.id).is_some_and(|grade| grade > 0);
        if let Some(query) = by_id.get(query).filter(|_| documents.iter().any(relevant)) {
            lists.push(HeldOutList { query: Arc::clone(query), documents });
        }
    }
    Ok(HeldOut { qrels, lists })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_query_is_known_in_any_order_of_its_words() {
        let mut known = KnownQueries(HashSet::new());
        known.add(["What is basalt?"].into_iter());
        for query in ["what is  BASALT", "basalt: what is?", "is basalt what"] {
            assert!(known.contains(query), "{query}");
        }
        assert!(!known.contains("what is granite"));
    }
}
