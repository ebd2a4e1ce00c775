//! A student and test collections -> runs, a table and reports.
//!
//! Beside the student stand the first stage, its controls (random, oracle), and the student's base as an untrained
//! bi-encoder, which is the baseline of every comparison.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use r2r_evaluation::controls::{Control, control_run};
use r2r_evaluation::evaluate::EvaluationOptions;
use r2r_evaluation::measures::Measure;
use r2r_evaluation::report::{Material, Report, assemble, html};
use r2r_evaluation::significance::SignificanceOptions;
use r2r_types::document::{Document, Query};
use r2r_types::formats::beir::{Collection, read_qrels};
use r2r_types::formats::join::candidates_of_run;
use r2r_types::formats::output::Output;
use r2r_types::formats::trec::{read_run, write_run};
use r2r_types::id::DocId;
use r2r_types::qrels::Qrels;
use r2r_types::run::Run;

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::recipe::{EvaluationSection, Recipe};
use crate::stages::index::refresh_index;
use crate::stages::rerank::{RerankOptions, rerank_run};
use crate::stages::retrieve::retrieve_run;
use crate::student::{LoadedStudent, StudentOptions};

/// The table in words, in the stage's folder.
pub const TABLE: &str = "table.txt";

/// Measures the recipe's student on every test collection unless that is fresh; returns the table.
pub fn evaluate(recipe: &Recipe, progress: &mut dyn Progress) -> Result<String, PipelineError> {
    let folder = recipe.artifact("evaluate");
    let student_folder = recipe.artifact("student");
    let mut inputs = vec![Input::artifact(&student_folder)?];
    for section in &recipe.evaluation {
        let parts = [Part::Corpus, Part::Queries, Part::Qrels(&section.split)];
        inputs.extend(Input::collection(&recipe.data_path(&section.path), &parts)?);
        if let Some(run) = &section.run {
            inputs.push(Input::file(&recipe.data_path(run))?);
        }
    }
    let config = serde_json::json!({"evaluation": recipe.evaluation, "retrieval": recipe.retrieval});
    let provenance = Provenance::of("evaluate", &config, recipe.seed, inputs)?;
    if let Artifact::Stale(building) = Artifact::open(&folder, provenance)? {
        let student = LoadedStudent::open(&student_folder, &StudentOptions::default())?;
        let mut table = String::new();
        for section in &recipe.evaluation {
            let place = building.path().join(&section.name);
            std::fs::create_dir_all(&place).map_err(|error| PipelineError::io(&place, error))?;
            let report = evaluate_one(recipe, section, &student, &place, progress)?;
            write_rows(&mut table, section, &report);
        }
        let path = building.path().join(TABLE);
        std::fs::write(&path, table).map_err(|error| PipelineError::io(&path, error))?;
        building.finish()?;
    }
    let path = folder.join(TABLE);
    std::fs::read_to_string(&path).map_err(|error| PipelineError::io(&path, error))
}

fn evaluate_one(
    recipe: &Recipe,
    section: &EvaluationSection,
    student: &LoadedStudent,
    place: &Path,
    progress: &mut dyn Progress,
) -> Result<Report, PipelineError> {
    let path = recipe.data_path(&section.path);
    let collection = Collection::read(&path)?;
    let qrels = read_qrels(&path, &section.split)?;
    let first_stage = first_stage(recipe, section, &collection, &qrels, progress)?;

    let mut runs = signal_runs(student, &collection, &first_stage, section.depth, progress)?;
    let bm25 = runs.remove(0);
    runs.push(control_run(&bm25, &qrels, Control::Random { seed: recipe.seed }));
    runs.push(control_run(&bm25, &qrels, Control::Oracle));
    runs.insert(0, bm25);
    for run in &runs {
        let mut output = Output::create(&place.join(format!("{}.trec", run.name)))?;
        write_run(&mut output, run)?;
        output.finish()?;
    }
    if section.reasons > 0 && student.writes_reasons() {
        let options = RerankOptions {
            depth: section.depth,
            top: None,
            reasons: section.reasons,
            early: None,
            output: &place.join("explained.trec"),
            explanations: Some(&place.join("explanations.jsonl")),
        };
        rerank_run(student, &collection, &first_stage, &options, progress)?;
    }

    let measures = section
        .measures
        .iter()
        .map(|name| name.parse::<Measure>().map_err(PipelineError::input))
        .collect::<Result<Vec<_>, _>>()?;
    // The untrained base is what a student must beat; without one, the first stage is.
    let baseline = runs.iter().position(|run| run.name == BASE).unwrap_or(0);
    let report = assemble(&Material {
        title: &format!("{} on {}", recipe.name, section.name),
        runs: &runs,
        baseline: Some(baseline),
        qrels: &qrels,
        measures: &measures,
        evaluation: &EvaluationOptions::default(),
        significance: &SignificanceOptions { seed: recipe.seed, ..SignificanceOptions::default() },
        query_text: &|query| Some(collection.queries.get(query)?.text.clone()),
        document_text: &|doc| Some(collection.documents.get(doc)?.title_and_text().into_owned()),
    });
    let mut output = Output::create(&place.join("report.html"))?;
    output.write_all(html(&report).as_bytes()).map_err(|error| PipelineError::io(place, error))?;
    output.finish()?;
    Ok(report)
}

/// The run that is reranked: the one named, or BM25 over the collection.
fn first_stage(
    recipe: &Recipe,
    section: &EvaluationSection,
    collection: &Collection,
    qrels: &Qrels,
    progress: &mut dyn Progress,
) -> Result<Run, PipelineError> {
    if let Some(run) = &section.run {
        return Ok(read_run(&recipe.data_path(run))?);
    }
    let index = recipe.artifact("indexes").join(format!("test-{}", section.name));
    refresh_index(&recipe.data_path(&section.path), &index, progress)?;
    let queries: Vec<Arc<Query>> =
        collection.queries.values().filter(|query| qrels.judged(&query.id).is_some()).cloned().collect();
    let (run, _) = retrieve_run(&index, &queries, section.depth, recipe.retrieval.bm25(), progress)?;
    Ok(run)
}

/// The name of the base's run.
const BASE: &str = "base-bi-encoder";

/// The first stage cut to the depth, the base's similarity alone where the student has one, and the student.
fn signal_runs(
    student: &LoadedStudent,
    collection: &Collection,
    first_stage: &Run,
    depth: usize,
    progress: &mut dyn Progress,
) -> Result<Vec<Run>, PipelineError> {
    let mut first = Run::new("first-stage");
    let mut base = Run::new(BASE);
    let mut head = Run::new("rank-head-alone");
    let mut whole = Run::new(student.name());
    let all = candidates_of_run(first_stage, collection, depth);
    progress.begin("score", Some(all.len() as u64));
    for (i, candidates) in all.iter().enumerate() {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        let documents: Vec<&Document> = candidates.list.iter().map(|candidate| &*candidate.document).collect();
        let scored = student.signals(&candidates.query.text, &documents)?;
        let insert = |run: &mut Run, scores: Vec<f32>| {
            let rows: Vec<(DocId, f64)> =
                documents.iter().zip(scores).map(|(document, score)| (document.id.clone(), f64::from(score))).collect();
            run.insert(candidates.query.id.clone(), rows).map_err(PipelineError::input)
        };
        insert(&mut first, candidates.list.iter().map(|candidate| candidate.score).collect())?;
        insert(&mut whole, scored.iter().map(|scored| scored.logit).collect())?;
        let similarities: Option<Vec<f32>> = scored.iter().map(|scored| scored.similarity).collect();
        if let Some(similarities) = similarities.filter(|similarities| !similarities.is_empty()) {
            insert(&mut base, similarities)?;
            insert(&mut head, scored.iter().map(|scored| scored.head).collect())?;
        }
        progress.at(i as u64 + 1);
    }
    progress.end(&format!("{} queries", all.len()));
    let has_base = base.queries().len() > 0;
    Ok(if has_base { vec![first, base, head, whole] } else { vec![first, whole] })
}

/// One row a run, with the difference from the baseline by the first measure.
fn write_rows(table: &mut String, section: &EvaluationSection, report: &Report) {
    let baseline = report.baseline.map_or("", |baseline| report.runs[baseline].evaluation.run.as_str());
    let topics = report.runs.first().map_or(0, |run| run.evaluation.topics.scored);
    let _ = write!(table, "{:<24}", format!("{} ({topics})", section.name));
    for measure in &report.measures {
        let _ = write!(table, " {:>12}", measure.to_string());
    }
    let _ = writeln!(
        table,
        "   difference from {baseline} by {}",
        report.measures.first().map_or(String::new(), Measure::to_string)
    );
    for run in &report.runs {
        let _ = write!(table, "{:<24}", run.evaluation.run);
        for mean in &run.evaluation.means {
            let _ = write!(table, " {mean:>12.4}");
        }
        if let Some(comparison) = run.against_baseline.as_ref().and_then(|against| against.comparisons.first()) {
            let _ = write!(
                table,
                "   {:+.4} [{:+.4}, {:+.4}] p {:.4} (Holm {:.4})",
                comparison.difference,
                comparison.interval.low,
                comparison.interval.high,
                comparison.p_value,
                comparison.corrected_p_value
            );
        }
        table.push('\n');
    }
    table.push('\n');
}
