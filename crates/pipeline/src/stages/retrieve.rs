//! Queries -> first-stage run.

use std::path::Path;
use std::sync::Arc;

use r2r_retrieval::{Bm25, Searcher};
use r2r_types::document::Query;
use r2r_types::formats::beir::{read_qrels, read_queries as read_folder_queries, read_query_file};
use r2r_types::run::Run;

use crate::error::PipelineError;
use crate::progress::Progress;

/// The queries of a BEIR folder or of a `queries.jsonl` file; of one split only where it is named.
pub fn read_queries(path: &Path, split: Option<&str>) -> Result<Vec<Arc<Query>>, PipelineError> {
    let records = if path.is_dir() { read_folder_queries(path)? } else { read_query_file(path)? };
    let qrels = match split {
        None => None,
        Some(split) if path.is_dir() => Some(read_qrels(path, split)?),
        Some(split) => {
            return Err(PipelineError::Input(format!(
                "{}: the split {split} needs a BEIR folder with qrels, not a file of queries",
                path.display()
            )));
        }
    };
    Ok(records
        .into_iter()
        .filter(|record| qrels.as_ref().is_none_or(|qrels| qrels.judged(&record.query.id).is_some()))
        .map(|record| Arc::new(record.query))
        .collect())
}

/// A run with the best documents of each query, and how many queries found nothing.
pub fn retrieve_run(
    index: &Path,
    queries: &[Arc<Query>],
    depth: usize,
    bm25: Bm25,
    progress: &mut dyn Progress,
) -> Result<(Run, usize), PipelineError> {
    let searcher = Searcher::open(index).map_err(PipelineError::input)?;
    let mut run = Run::new("bm25");
    let mut n_empty = 0;
    progress.begin("retrieve", Some(queries.len() as u64));
    for (i, query) in queries.iter().enumerate() {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        let mut hits = searcher.search(&query.text, depth, &bm25).map_err(PipelineError::input)?;
        // Equal scores stand as trec_eval would sort them, so that the written run, whose scores are all distinct,
        // measures the same as one with the ties kept: ArguAna has thousands.
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.doc.cmp(&a.doc)));
        if hits.is_empty() {
            n_empty += 1;
        } else {
            let documents = hits.into_iter().map(|hit| (hit.doc, f64::from(hit.score))).collect();
            run.insert(query.id.clone(), documents).map_err(PipelineError::input)?;
        }
        progress.at(i as u64 + 1);
    }
    progress.end(&format!("{} queries", queries.len()));
    Ok((run, n_empty))
}
