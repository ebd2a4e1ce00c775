//! Candidates and a teacher, asked or recorded, or published records -> judgments.

use std::path::PathBuf;
use std::sync::Arc;

use r2r_retrieval::{Bm25Retriever, Searcher};
use r2r_teacher::JudgmentRecord;
use r2r_teacher::recorded::RecordedTeacher;
use r2r_types::candidates::Candidates;
use r2r_types::formats::jsonl::write_jsonl;
use r2r_types::formats::output::Output;
use r2r_types::stage::Retriever;
use serde_json::json;

use crate::artifact::{Artifact, Building};
use crate::error::PipelineError;
use crate::live_teacher::settings::prompt;
use crate::live_teacher::{LiveTeacher, World, journal_path};
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::recipe::{CollectionSection, Recipe};
use crate::stages::index::refresh_index;
use crate::stages::judged::summarize;
use crate::stages::judgments::{FILE, Judgments, MALFORMED, TestSets};
use crate::stages::retrieve::read_queries;

/// The prompt as whose answers recordings are read: it asks for everything that others ask for.
const PROMPT_OF_RECORDINGS: &str = "dual-v1";

/// The share of recorded answers that may be of no use, as for a teacher that is asked.
const MOST_MALFORMED: f64 = 0.05;

/// Builds the judgments of a recipe unless they are fresh.
pub fn judge(recipe: &Recipe, world: &World, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    let folder = recipe.artifact("judge");
    let records: Vec<PathBuf> = recipe.teacher.records.iter().map(|path| recipe.data_path(path)).collect();
    let test_sets = if recipe.teacher.allow_test_sets { TestSets::Allow } else { TestSets::Refuse };
    let Judgments { list: judgments, malformed, mut inputs } = Judgments::read(&records, test_sets, progress)?;
    let candidates = match &recipe.collection {
        Some(collection) if recipe.teacher.recorded.is_some() || recipe.teacher.model.is_some() => {
            inputs.extend(inputs_of_candidates(recipe, collection, progress)?);
            candidates(recipe, collection)?
        }
        _ => Vec::new(),
    };
    // Pace and budget are left out of what decides whether the judgments are fresh.
    let mut teacher = recipe.teacher.clone();
    let model = teacher.model.take();
    let mut config = json!({
        "teacher": teacher,
        "retrieval": recipe.retrieval,
        "collection": recipe.collection,
    });
    let live = model.map(|model| {
        let model = crate::live_teacher::settings::TeacherModel {
            prices: model.prices.as_deref().map(|path| recipe.data_path(path)),
            ..model
        };
        LiveTeacher::open(&model, recipe.seed, &journal_path(&folder), world)
    });
    let live = live.transpose()?;
    if let Some(live) = &live {
        config["asked"] = live.config(&candidates);
    }
    let provenance = Provenance::of("judge", &config, recipe.seed, inputs)?;
    let Artifact::Stale(mut building) = Artifact::open(&folder, provenance)? else { return Ok(()) };

    let mut judged = recorded(recipe, &candidates, progress)?;
    if let Some(live) = &live {
        let (records, tally) = live.judge(&candidates, progress)?;
        building.provenance.count("answers", json!(tally));
        judged.extend(records);
    }
    summarize(&judged, &mut building.provenance);
    building.provenance.count("judgments", judgments.len() + judged.len());
    building.provenance.count(MALFORMED, malformed);
    write(&judgments, &judged, &building)?;
    building.finish()
}

/// What the candidates come from; the index is built where it is not fresh.
fn inputs_of_candidates(
    recipe: &Recipe,
    collection: &CollectionSection,
    progress: &mut dyn Progress,
) -> Result<Vec<Input>, PipelineError> {
    let (folder, index) = (recipe.data_path(&collection.path), recipe.artifact("index"));
    refresh_index(&folder, &index, progress)?;
    let mut inputs = Vec::new();
    if let Some(recorded) = &recipe.teacher.recorded {
        inputs.push(Input::file(&recipe.data_path(recorded))?);
    }
    inputs.push(Input::artifact(&index)?);
    inputs.extend(Input::collection(&folder, &[Part::Queries, Part::Qrels(&collection.split)])?);
    Ok(inputs)
}

/// What BM25 finds for each query of the collection.
fn candidates(recipe: &Recipe, collection: &CollectionSection) -> Result<Vec<Candidates>, PipelineError> {
    let queries = read_queries(&recipe.data_path(&collection.path), Some(&collection.split))?;
    let searcher = Searcher::open(&recipe.artifact("index")).map_err(PipelineError::input)?;
    let retriever = Bm25Retriever { searcher: Arc::new(searcher), bm25: recipe.retrieval.bm25() };
    queries.iter().map(|query| Ok(retriever.retrieve(query, recipe.retrieval.depth)?)).collect()
}

/// What was recorded of a teacher about the candidates.
fn recorded(
    recipe: &Recipe,
    candidates: &[Candidates],
    progress: &mut dyn Progress,
) -> Result<Vec<JudgmentRecord>, PipelineError> {
    let Some(recorded) = &recipe.teacher.recorded else { return Ok(Vec::new()) };
    let path = recipe.data_path(recorded);
    let teacher = RecordedTeacher::open(&path, &prompt(PROMPT_OF_RECORDINGS)?).map_err(PipelineError::input)?;
    progress.begin("judge", Some(candidates.len() as u64));
    let mut records = Vec::with_capacity(candidates.len());
    for (i, candidates) in candidates.iter().enumerate() {
        records.push(teacher.judge(candidates)?);
        progress.at(i as u64 + 1);
    }
    let malformed = records.iter().filter(|record| record.counts.malformed > 0).count();
    if malformed as f64 > MOST_MALFORMED * records.len() as f64 {
        return Err(PipelineError::Input(format!(
            "{}: {malformed} of {} recorded answers cannot be used; record them again",
            path.display(),
            records.len()
        )));
    }
    let repaired = records.iter().filter(|record| record.repairs != r2r_teacher::Repairs::default()).count();
    progress.end(&format!("{} recorded answers read, {repaired} of them repaired", records.len()));
    Ok(records)
}

fn write(
    judgments: &[r2r_types::judgment::TeacherJudgment],
    records: &[JudgmentRecord],
    building: &Building,
) -> Result<(), PipelineError> {
    let mut output = Output::create(&building.path().join(FILE))?;
    write_jsonl(&mut output, judgments)?;
    write_jsonl(&mut output, records)?;
    Ok(output.finish()?)
}
