//! `r2r rerank`: a list or a whole run is put in order, with reasons where asked.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use reason_to_rank::inference;
use reason_to_rank::live_teacher::settings::TeacherModel;
use reason_to_rank::live_teacher::{LiveTeacher, journal_path};
use reason_to_rank::results::QueryResults;
use reason_to_rank::stages::rerank::{RerankOptions, rerank_run, rerank_run_by_teacher};
use reason_to_rank::student::{LoadedStudent, StudentOptions};
use reason_to_rank::teacher::judged_ranking::ranking_of;
use reason_to_rank::types::candidates::{Candidate, Candidates};
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::formats::beir::Collection;
use reason_to_rank::types::formats::documents::read_documents;
use reason_to_rank::types::formats::join::{candidates_of_run, unknown_ids};
use reason_to_rank::types::formats::trec::read_run;
use reason_to_rank::types::run::Run;
use reason_to_rank::types::stage::Reasons;

use crate::args::{Precision, Rerank, StudentArguments};
use crate::commands::teacher::{answers_of_the_user, kept_in, print_estimate, world_for};
use crate::commands::{print, print_json, refuse_clashes};
use crate::progress::Bars;
use crate::terminal::clean;
use crate::{student_folder, terminal};

/// Documents that are explained where nobody says how many.
const DEFAULT_REASONS: usize = 3;

const NOT_LEARNED: &str = "this student has not learned to write reasons; leave out --reasons";
const NOT_ASKED: &str = "this prompt asks for no reasons; leave out --reasons, or take --prompt dual-v1";

/// Reranks a list for people or programs, or a run for a file.
pub(crate) fn run(options: &Rerank) -> Result<()> {
    if options.teacher.provider.is_some() && options.student.threads.is_some() {
        bail!("--threads is for the student, and --provider asks a large model; leave out one of them");
    }
    if let (Some(_), Some(n)) = (&options.teacher.provider, options.early) {
        bail!("--early {n} is for the student, and --provider asks a large model; leave out one of them");
    }
    if let (Some(reasons), Some(n)) = (options.reasons, options.early)
        && reasons > n.get()
    {
        bail!(
            "--reasons {reasons} explains more documents than --early {n} finishes for sure; ask for --early {reasons}"
        );
    }
    match (&options.query, &options.documents, &options.collection, &options.run) {
        (Some(query), Some(documents), _, _) => one_list(options, query, documents),
        (_, _, Some(collection), Some(run)) => whole_run(options, collection, run),
        _ => bail!("give --query with --documents, or --collection with --run and --output"),
    }
}

/// Opens the chosen student.
pub(crate) fn open_student(arguments: &StudentArguments) -> Result<LoadedStudent> {
    let folder = student_folder::choose(arguments.student.as_deref())?;
    Ok(LoadedStudent::open(&folder, &student_options(arguments))?)
}

/// Opens the chosen student to rerank with it.
fn open_student_to_rerank(options: &Rerank) -> Result<LoadedStudent> {
    let folder = student_folder::choose(options.student.student.as_deref())?;
    let how = StudentOptions { early_margin: options.early_margin, ..student_options(&options.student) };
    let student = LoadedStudent::open(&folder, &how)?;
    if let Some(n) = options.early.filter(|_| student.engine().config().early.is_none()) {
        bail!(
            "{} does not know when to stop a document: fit it with r2r early, or leave out --early {n}",
            folder.display()
        );
    }
    Ok(student)
}

/// How the student runs.
pub(crate) fn student_options(arguments: &StudentArguments) -> StudentOptions {
    let precision = match arguments.precision {
        Precision::Auto => None,
        Precision::F32 => Some(inference::Precision::F32),
        Precision::Bf16 => Some(inference::Precision::Bf16),
        Precision::Int8 => Some(inference::Precision::Int8),
    };
    StudentOptions { threads: arguments.threads, precision, instructions: arguments.isa, early_margin: None }
}

/// The candidates of one query, from documents in input order.
pub(crate) fn candidates_of(query: &str, documents: &[Document]) -> Result<Candidates> {
    if query.trim().is_empty() {
        bail!("the query is empty");
    }
    let list = documents
        .iter()
        .enumerate()
        .map(|(i, document)| Candidate { document: Arc::new(document.clone()), score: -(i as f32) })
        .collect();
    Ok(Candidates { query: Arc::new(Query { id: "query".into(), text: query.to_owned() }), list })
}

/// Ranks one list, and prints it.
fn one_list(options: &Rerank, query: &str, documents: &Path) -> Result<()> {
    let documents = read_documents(documents)?;
    let candidates = candidates_of(query, &documents)?;
    let top = options.top.map_or(usize::MAX, NonZeroUsize::get);
    let begun = Instant::now();
    let results = if let Some(model) = options.teacher.model() {
        let Some(results) = results_of_teacher(options, &model, &candidates, top)? else { return Ok(()) };
        results
    } else {
        let student = open_student_to_rerank(options)?;
        let reasons = reasons(options, DEFAULT_REASONS, student.writes_reasons(), NOT_LEARNED)?;
        let reasons = reasons_of(reasons);
        match options.early {
            None => {
                let ranking = student.reranker().rerank_shown(&candidates, reasons, top)?;
                QueryResults::of(&student, &candidates, &ranking, top)?
            }
            Some(n) => {
                let early = student.reranker().rerank_early(&candidates, reasons, top, n)?;
                QueryResults::of(&student, &candidates, &early.ranking, top)?.stopped_below(early.finished)
            }
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    if options.json { print_json(&results) } else { print(&terminal::page(&results, &documents, seconds)) }
}

/// What a large model says of one list; `None` where only an estimate was asked for, which is printed.
fn results_of_teacher(
    options: &Rerank,
    model: &TeacherModel,
    candidates: &Candidates,
    top: usize,
) -> Result<Option<QueryResults>> {
    let mut progress = Bars::stoppable();
    let world = world_for(&options.teacher, progress.stop_flag());
    world.endpoint(model)?;
    let journal = options.teacher.answers.clone().map_or_else(answers_of_the_user, Ok)?;
    let teacher = LiveTeacher::open(model, options.teacher.seed, &journal, &world)?;
    let reasons = reasons(options, DEFAULT_REASONS, teacher.writes_reasons(), NOT_ASKED)?;
    let candidates = std::slice::from_ref(candidates);
    if options.teacher.dry_run {
        print_estimate(&teacher.estimate(candidates)?, options.json)?;
        return Ok(None);
    }
    let (records, _) = teacher.judge(candidates, &mut progress).with_context(|| kept_in(&journal))?;
    let (candidates, record) = (&candidates[0], records.first().context("no list was judged")?);
    let ranking = ranking_of(&record.judgment, candidates, reasons_of(reasons.min(top)))?;
    Ok(Some(QueryResults::of_teacher(&teacher, &record.judgment, candidates, &ranking, top)))
}

/// How many documents are explained.
fn reasons(options: &Rerank, default: usize, writes_reasons: bool, why_not: &str) -> Result<usize> {
    match options.reasons {
        Some(n) if n > 0 && !writes_reasons => bail!("{why_not}"),
        Some(n) => Ok(n),
        None => Ok(if writes_reasons { default } else { 0 }),
    }
}

fn reasons_of(n: usize) -> Reasons {
    if n == 0 { Reasons::None } else { Reasons::Top(n) }
}

fn whole_run(options: &Rerank, collection: &Path, run: &Path) -> Result<()> {
    let output = options.output.as_deref().context("--output says where the reranked run goes")?;
    if options.json && !options.teacher.dry_run {
        bail!("--json is for --documents and --dry-run; the JSON of a run goes to --explanations FILE.jsonl");
    }
    let mut outputs = vec![("--output", output)];
    outputs.extend(options.explanations.iter().map(|path| ("--explanations", path.as_path())));
    outputs.extend(options.teacher.answers.iter().map(|path| ("--answers", path.as_path())));
    refuse_clashes(&outputs, &[("--run", run)])?;
    let first_stage = read_run(run)?;
    let collection = Collection::read(collection)?;
    let unknown = unknown_ids(&first_stage, &collection);
    if !unknown.is_empty() {
        if unknown.n_lines == first_stage.iter().map(|(_, documents)| documents.len()).sum::<usize>() {
            bail!("{unknown}: no line of the run is about a query and a document of it; is it the right one?");
        }
        anstream::eprintln!("warning: {}; they are left out", clean(&unknown.to_string()));
    }
    let reasons = options.reasons.unwrap_or(0);
    if reasons > 0 && options.explanations.is_none() {
        bail!("--reasons {reasons} of a run needs --explanations FILE.jsonl, where they go");
    }
    if options.explanations.is_some() && reasons == 0 {
        bail!("--explanations needs --reasons N: how many documents of each query are explained");
    }
    let rerank = RerankOptions {
        depth: options.depth.get(),
        top: options.top.map(NonZeroUsize::get),
        reasons,
        early: options.early,
        output,
        explanations: options.explanations.as_deref(),
    };
    if let Some(model) = options.teacher.model() {
        return whole_run_by_teacher(options, &model, &collection, &first_stage, &rerank);
    }
    let student = open_student_to_rerank(options)?;
    if reasons > 0 && !student.writes_reasons() {
        bail!("{NOT_LEARNED}");
    }
    let begun = Instant::now();
    let counts = rerank_run(&student, &collection, &first_stage, &rerank, &mut Bars::stoppable())?;
    let seconds = begun.elapsed().as_secs_f64();
    let stopped = options.early.map_or(String::new(), |_| format!(", {} of them stopped early", counts.stopped));
    anstream::eprintln!(
        "{} queries, {} pairs{stopped} in {seconds:.1} s, {:.0} pairs/s",
        counts.queries,
        counts.pairs,
        counts.pairs as f64 / seconds
    );
    Ok(())
}

/// Has a large model rerank a run, all queries at once.
fn whole_run_by_teacher(
    options: &Rerank,
    model: &TeacherModel,
    collection: &Collection,
    first_stage: &Run,
    rerank: &RerankOptions<'_>,
) -> Result<()> {
    let mut progress = Bars::stoppable();
    let world = world_for(&options.teacher, progress.stop_flag());
    world.endpoint(model)?;
    let journal = match &options.teacher.answers {
        Some(file) => file.clone(),
        None if rerank.output == Path::new("-") => bail!("--output - leaves no place for paid answers: --answers FILE"),
        None => journal_path(rerank.output),
    };
    let teacher = LiveTeacher::open(model, options.teacher.seed, &journal, &world)?;
    if rerank.reasons > 0 && !teacher.writes_reasons() {
        bail!("{NOT_ASKED}");
    }
    if options.teacher.dry_run {
        let candidates = candidates_of_run(first_stage, collection, rerank.depth);
        return print_estimate(&teacher.estimate(&candidates)?, options.json);
    }
    let reranked = rerank_run_by_teacher(&teacher, collection, first_stage, rerank, &mut progress);
    reranked.with_context(|| kept_in(&journal))?;
    anstream::eprintln!("the answers are in {}", journal.display());
    Ok(())
}
