//! First-stage run -> reranked run, with explanations where asked.

use std::io::Write;
use std::path::Path;

use r2r_types::candidates::Candidates;
use r2r_types::formats::beir::Collection;
use r2r_types::formats::join::candidates_of_run;
use r2r_types::formats::output::Output;
use r2r_types::formats::trec::write_topic;
use r2r_types::id::DocId;
use r2r_types::run::Run;
use r2r_types::stage::Reasons;

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::results::QueryResults;
use crate::student::LoadedStudent;

/// What is reranked, and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct RerankOptions<'a> {
    /// Candidates of each query that are reranked; deeper ones keep their order below.
    pub depth: usize,
    /// The most documents of each query that are written; `None` for all.
    pub top: Option<usize>,
    /// How many documents of each query are explained.
    pub reasons: usize,
    /// Where the run goes.
    pub output: &'a Path,
    /// Where the explanations go, one query a line.
    pub explanations: Option<&'a Path>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RerankCounts {
    /// Queries.
    pub queries: usize,
    /// Scored pairs of query and document.
    pub pairs: usize,
}

/// Reranks every query of a run whose texts the collection has.
pub fn rerank_run(
    student: &LoadedStudent,
    collection: &Collection,
    first_stage: &Run,
    options: &RerankOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<RerankCounts, PipelineError> {
    let all: Vec<Candidates> = candidates_of_run(first_stage, collection, usize::MAX);
    let mut output = Output::create(options.output)?;
    let mut explanations = options.explanations.map(Output::create).transpose()?;
    let reasons = if options.reasons == 0 { Reasons::None } else { Reasons::Top(options.reasons) };
    let top = options.top.unwrap_or(usize::MAX);
    let mut counts = RerankCounts::default();
    progress.begin("rerank", Some(all.len() as u64));
    for mut candidates in all {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        let deeper = candidates.list.split_off(options.depth.min(candidates.list.len()));
        let ranking = student.reranker().rerank_shown(&candidates, reasons, top)?;
        let mut documents: Vec<(DocId, f64)> =
            ranking.ranked().iter().map(|ranked| (ranked.doc.clone(), f64::from(ranked.score))).collect();
        // What was not reranked stays below, in the first stage's order.
        let lowest = documents.last().map_or(0.0, |(_, score)| *score);
        documents.extend(
            deeper.iter().enumerate().map(|(i, candidate)| (candidate.document.id.clone(), lowest - 1.0 - i as f64)),
        );
        documents.truncate(top);
        write_topic(&mut output, student.name(), &candidates.query.id, &documents)?;
        if let Some(file) = &mut explanations {
            let mut results = QueryResults::of(student, &candidates, &ranking, top)?;
            results.qid = Some(candidates.query.id.clone());
            let line = serde_json::to_string(&results).map_err(PipelineError::failed)?;
            writeln!(file, "{line}").map_err(PipelineError::failed)?;
        }
        counts.queries += 1;
        counts.pairs += candidates.list.len();
        progress.at(counts.queries as u64);
    }
    output.finish()?;
    if let Some(file) = explanations {
        file.finish()?;
    }
    progress.end(&format!("{} queries, {} pairs", counts.queries, counts.pairs));
    Ok(counts)
}
