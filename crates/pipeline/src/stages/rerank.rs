//! First-stage run -> reranked run, with explanations where asked.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use r2r_teacher::judged_ranking::ranking_of;
use r2r_types::candidates::{Candidate, Candidates};
use r2r_types::formats::beir::Collection;
use r2r_types::formats::join::candidates_of_run;
use r2r_types::formats::output::Output;
use r2r_types::formats::trec::write_topic;
use r2r_types::id::DocId;
use r2r_types::ranking::Ranking;
use r2r_types::run::Run;
use r2r_types::stage::Reasons;

use crate::error::PipelineError;
use crate::live_teacher::LiveTeacher;
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
    /// Documents that will not be among the best of their query's may be stopped early; `None` finishes all.
    pub early: Option<NonZeroUsize>,
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
    /// Pairs of query and document.
    pub pairs: usize,
    /// Those of them that were stopped early.
    pub stopped: usize,
}

/// Reranks every query of a run whose texts the collection has.
pub fn rerank_run(
    student: &LoadedStudent,
    collection: &Collection,
    first_stage: &Run,
    options: &RerankOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<RerankCounts, PipelineError> {
    let lists = cut_lists(first_stage, collection, options.depth);
    let mut outputs = Outputs::create(options)?;
    progress.begin("rerank", Some(lists.len() as u64));
    for CutList { candidates, deeper } in lists {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        let (ranking, finished) = match options.early {
            None => {
                let ranking = student.reranker().rerank_shown(&candidates, options.reasons(), options.top())?;
                (ranking, candidates.list.len())
            }
            Some(n) => {
                let early = student.reranker().rerank_early(&candidates, options.reasons(), options.top(), n)?;
                (early.ranking, early.finished)
            }
        };
        outputs.counts.stopped += candidates.list.len() - finished;
        outputs.write_run(student.name(), &candidates, &deeper, &ranking)?;
        if options.explanations.is_some() {
            let results = QueryResults::of(student, &candidates, &ranking, options.top())?;
            let results = if options.early.is_some() { results.stopped_below(finished) } else { results };
            outputs.write_results(&candidates, results)?;
        }
        progress.at(outputs.counts.queries as u64);
    }
    let counts = outputs.finish()?;
    progress.end(&format!("{} queries, {} pairs", counts.queries, counts.pairs));
    Ok(counts)
}

/// The same by a large model, which is asked about all queries at once.
pub fn rerank_run_by_teacher(
    teacher: &LiveTeacher,
    collection: &Collection,
    first_stage: &Run,
    options: &RerankOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<RerankCounts, PipelineError> {
    let (candidates, deeper): (Vec<Candidates>, Vec<Vec<Candidate>>) =
        cut_lists(first_stage, collection, options.depth)
            .into_iter()
            .map(|list| (list.candidates, list.deeper))
            .unzip();
    let (records, _) = teacher.judge(&candidates, progress)?;
    let mut outputs = Outputs::create(options)?;
    for ((candidates, deeper), record) in candidates.iter().zip(&deeper).zip(&records) {
        let judgment = &record.judgment;
        let ranking = ranking_of(judgment, candidates, options.reasons()).map_err(PipelineError::failed)?;
        outputs.write_run(teacher.name(), candidates, deeper, &ranking)?;
        if options.explanations.is_some() {
            let results = QueryResults::of_teacher(teacher, judgment, candidates, &ranking, options.top());
            outputs.write_results(candidates, results)?;
        }
    }
    outputs.finish()
}

impl RerankOptions<'_> {
    fn top(&self) -> usize {
        self.top.unwrap_or(usize::MAX)
    }

    fn reasons(&self) -> Reasons {
        // What is not shown is not explained.
        let n = self.reasons.min(self.top());
        if n == 0 { Reasons::None } else { Reasons::Top(n) }
    }
}

/// The candidates of a query that are reranked, and those that keep their order below.
struct CutList {
    candidates: Candidates,
    deeper: Vec<Candidate>,
}

/// The candidates of each query as [`rerank_run`] cuts them.
fn cut_lists(first_stage: &Run, collection: &Collection, depth: usize) -> Vec<CutList> {
    let cut = |mut candidates: Candidates| {
        let deeper = candidates.list.split_off(depth.min(candidates.list.len()));
        CutList { candidates, deeper }
    };
    candidates_of_run(first_stage, collection, usize::MAX).into_iter().map(cut).collect()
}

/// The files of a reranked run.
struct Outputs<'a> {
    options: &'a RerankOptions<'a>,
    run: Output,
    explanations: Option<Output>,
    counts: RerankCounts,
}

impl<'a> Outputs<'a> {
    fn create(options: &'a RerankOptions<'a>) -> Result<Self, PipelineError> {
        let explanations = options.explanations.map(Output::create).transpose()?;
        Ok(Self { options, run: Output::create(options.output)?, explanations, counts: RerankCounts::default() })
    }

    /// Writes a query of the run. What was not reranked stays below, in the first stage's order.
    fn write_run(
        &mut self,
        name: &str,
        candidates: &Candidates,
        deeper: &[Candidate],
        ranking: &Ranking,
    ) -> Result<(), PipelineError> {
        let mut documents: Vec<(DocId, f64)> =
            ranking.ranked().iter().map(|ranked| (ranked.doc.clone(), f64::from(ranked.score))).collect();
        let lowest = documents.last().map_or(0.0, |(_, score)| *score);
        documents.extend(
            deeper.iter().enumerate().map(|(i, candidate)| (candidate.document.id.clone(), lowest - 1.0 - i as f64)),
        );
        documents.truncate(self.options.top());
        write_topic(&mut self.run, name, &candidates.query.id, &documents)?;
        self.counts.queries += 1;
        self.counts.pairs += candidates.list.len();
        Ok(())
    }

    /// Writes a query's line of the explanations, where there are any.
    fn write_results(&mut self, candidates: &Candidates, mut results: QueryResults) -> Result<(), PipelineError> {
        let Some(file) = &mut self.explanations else { return Ok(()) };
        results.qid = Some(candidates.query.id.clone());
        let line = serde_json::to_string(&results).map_err(PipelineError::failed)?;
        writeln!(file, "{line}").map_err(PipelineError::failed)
    }

    fn finish(self) -> Result<RerankCounts, PipelineError> {
        self.run.finish()?;
        if let Some(file) = self.explanations {
            file.finish()?;
        }
        Ok(self.counts)
    }
}
