//! `r2r rerank`: a list or a whole run is put in order, with reasons where asked.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use reason_to_rank::inference;
use reason_to_rank::results::QueryResults;
use reason_to_rank::stages::rerank::{RerankOptions, rerank_run};
use reason_to_rank::student::{LoadedStudent, StudentOptions};
use reason_to_rank::types::candidates::{Candidate, Candidates};
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::formats::beir::Collection;
use reason_to_rank::types::formats::documents::read_documents;
use reason_to_rank::types::formats::join::unknown_ids;
use reason_to_rank::types::formats::trec::read_run;
use reason_to_rank::types::stage::Reasons;

use crate::args::{Precision, Rerank, StudentArguments};
use crate::commands::{print, print_json, refuse_clashes};
use crate::progress::Bars;
use crate::terminal::clean;
use crate::{student_folder, terminal};

/// Documents that are explained where nobody says how many.
const DEFAULT_REASONS: usize = 3;

/// Reranks a list for people or programs, or a run for a file.
pub(crate) fn run(options: &Rerank) -> Result<()> {
    match (&options.query, &options.documents, &options.collection, &options.run) {
        (Some(query), Some(documents), _, _) => one_list(options, query, documents),
        (_, _, Some(collection), Some(run)) => whole_run(options, collection, run),
        _ => bail!("give --query with --documents, or --collection with --run and --output"),
    }
}

/// Opens the chosen student.
pub(crate) fn open_student(arguments: &StudentArguments) -> Result<LoadedStudent> {
    let folder = student_folder::choose(arguments.student.as_deref())?;
    let precision = match arguments.precision {
        Precision::Auto => None,
        Precision::F32 => Some(inference::Precision::F32),
        Precision::Bf16 => Some(inference::Precision::Bf16),
        Precision::Int8 => Some(inference::Precision::Int8),
    };
    let options = StudentOptions { threads: arguments.threads, precision, instructions: arguments.isa };
    Ok(LoadedStudent::open(&folder, &options)?)
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

fn one_list(options: &Rerank, query: &str, documents: &Path) -> Result<()> {
    let documents = read_documents(documents)?;
    let candidates = candidates_of(query, &documents)?;
    let student = open_student(&options.student)?;
    let reasons = match options.reasons {
        Some(0) => Reasons::None,
        Some(_) if !student.writes_reasons() => {
            bail!("this student has not learned to write reasons; leave out --reasons")
        }
        Some(n) => Reasons::Top(n),
        None if student.writes_reasons() => Reasons::Top(DEFAULT_REASONS),
        None => Reasons::None,
    };
    let top = options.top.map_or(usize::MAX, NonZeroUsize::get);
    let begun = Instant::now();
    let ranking = student.reranker().rerank_shown(&candidates, reasons, top)?;
    let seconds = begun.elapsed().as_secs_f64();
    let results = QueryResults::of(&student, &candidates, &ranking, top)?;
    if options.json { print_json(&results) } else { print(&terminal::page(&results, &documents, seconds)) }
}

fn whole_run(options: &Rerank, collection: &Path, run: &Path) -> Result<()> {
    let output = options.output.as_deref().context("--output says where the reranked run goes")?;
    let mut outputs = vec![("--output", output)];
    outputs.extend(options.explanations.iter().map(|path| ("--explanations", path.as_path())));
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
    let student = open_student(&options.student)?;
    let reasons = options.reasons.unwrap_or(0);
    if reasons > 0 && !student.writes_reasons() {
        bail!("this student has not learned to write reasons; leave out --reasons");
    }
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
        output,
        explanations: options.explanations.as_deref(),
    };
    let begun = Instant::now();
    let counts = rerank_run(&student, &collection, &first_stage, &rerank, &mut Bars::stoppable())?;
    let seconds = begun.elapsed().as_secs_f64();
    anstream::eprintln!(
        "{} queries, {} pairs in {seconds:.1} s, {:.0} pairs/s",
        counts.queries,
        counts.pairs,
        counts.pairs as f64 / seconds
    );
    Ok(())
}
