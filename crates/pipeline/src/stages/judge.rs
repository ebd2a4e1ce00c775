//! Candidates and recorded answers, or published records -> judgments.

use std::path::PathBuf;
use std::sync::Arc;

use r2r_retrieval::{Bm25Retriever, Searcher};
use r2r_teacher::answer::Repairs;
use r2r_teacher::recorded::RecordedTeacher;
use r2r_types::formats::output::Output;
use r2r_types::formats::teacher_records::write_judgments;
use r2r_types::judgment::TeacherJudgment;
use r2r_types::stage::Retriever;

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::recipe::Recipe;
use crate::stages::index::refresh_index;
use crate::stages::judgments::{FILE, Judgments, MALFORMED, TestSets};
use crate::stages::retrieve::read_queries;

/// Builds the judgments of a recipe unless they are fresh.
pub fn judge(recipe: &Recipe, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    let folder = recipe.artifact("judge");
    let records: Vec<PathBuf> = recipe.teacher.records.iter().map(|path| recipe.data_path(path)).collect();
    let test_sets = if recipe.teacher.allow_test_sets { TestSets::Allow } else { TestSets::Refuse };
    let Judgments { list: mut judgments, malformed, mut inputs } = Judgments::read(&records, test_sets, progress)?;
    if let (Some(recorded), Some(collection)) = (&recipe.teacher.recorded, &recipe.collection) {
        refresh_index(&recipe.data_path(&collection.path), &recipe.artifact("index"), progress)?;
        inputs.push(Input::file(&recipe.data_path(recorded))?);
        inputs.push(Input::artifact(&recipe.artifact("index"))?);
        let parts = [Part::Queries, Part::Qrels(&collection.split)];
        inputs.extend(Input::collection(&recipe.data_path(&collection.path), &parts)?);
    }
    let config = serde_json::json!({
        "teacher": recipe.teacher,
        "retrieval": recipe.retrieval,
        "collection": recipe.collection,
    });
    let provenance = Provenance::of("judge", &config, recipe.seed, inputs)?;
    let Artifact::Stale(mut building) = Artifact::open(&folder, provenance)? else { return Ok(()) };

    let (recorded, repairs) = recorded_judgments(recipe, progress)?;
    judgments.extend(recorded);

    let mut output = Output::create(&building.path().join(FILE))?;
    write_judgments(&mut output, &judgments)?;
    output.finish()?;
    building.provenance.count("judgments", judgments.len());
    building.provenance.count(MALFORMED, malformed);
    building.provenance.count("repaired_answers", repairs);
    building.finish()
}

/// What the recorded teacher says of the candidates that BM25 finds for each query of the collection, and how many of
/// its answers had to be repaired.
fn recorded_judgments(
    recipe: &Recipe,
    progress: &mut dyn Progress,
) -> Result<(Vec<TeacherJudgment>, usize), PipelineError> {
    let (Some(recorded), Some(collection)) = (&recipe.teacher.recorded, &recipe.collection) else {
        return Ok((Vec::new(), 0));
    };
    let teacher = RecordedTeacher::open(&recipe.data_path(recorded)).map_err(PipelineError::input)?;
    let queries = read_queries(&recipe.data_path(&collection.path), Some(&collection.split))?;
    let searcher = Searcher::open(&recipe.artifact("index")).map_err(PipelineError::input)?;
    let retriever = Bm25Retriever { searcher: Arc::new(searcher), bm25: recipe.retrieval.bm25() };
    let mut judgments = Vec::new();
    let mut n_repaired = 0;
    progress.begin("judge", Some(queries.len() as u64));
    for (i, query) in queries.iter().enumerate() {
        let candidates = retriever.retrieve(query, recipe.retrieval.depth)?;
        n_repaired += usize::from(teacher.answer(&candidates)?.repairs() != Repairs::default());
        judgments.push(teacher.judge(&candidates)?);
        progress.at(i as u64 + 1);
    }
    progress.end(&format!("{} recorded answers read, {n_repaired} of them repaired", judgments.len()));
    Ok((judgments, n_repaired))
}
