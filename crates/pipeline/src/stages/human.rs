//! Collections with human labels -> examples with hard negatives of BM25.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use r2r_distillation::human::{HumanLabels, HumanOptions, from_qrels};
use r2r_retrieval::Searcher;
use r2r_types::candidates::{Candidate, Candidates};
use r2r_types::document::{Document, Query};
use r2r_types::example::DistillationExample;
use r2r_types::formats::beir::{Collection, read_qrels};
use r2r_types::formats::jsonl::write_record;
use r2r_types::formats::output::Output;
use r2r_types::id::DocId;
use sha2::{Digest, Sha256};

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};
use crate::recipe::{HumanSection, Recipe};
use crate::stages::index::refresh_index;

/// The file of examples in the stage's folder.
pub const FILE: &str = "examples.jsonl";

/// Builds the examples of every `[[human]]` section unless they are fresh.
pub fn human(recipe: &Recipe, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    let mut inputs = Vec::new();
    for section in &recipe.human {
        let parts = [Part::Corpus, Part::Queries, Part::Qrels(&section.split)];
        inputs.extend(Input::collection(&recipe.data_path(&section.path), &parts)?);
    }
    let config = serde_json::json!({"human": recipe.human, "retrieval": recipe.retrieval});
    let provenance = Provenance::of("human", &config, recipe.seed, inputs)?;
    let Artifact::Stale(mut building) = Artifact::open(&recipe.artifact("human"), provenance)? else { return Ok(()) };

    let mut output = Output::create(&building.path().join(FILE))?;
    for section in &recipe.human {
        let examples = examples_of(recipe, section, progress)?;
        building.provenance.count(&format!("{}/{}", section.path.display(), section.split), examples.len());
        for example in &examples {
            write_record(&mut output, example)?;
        }
    }
    output.finish()?;
    building.finish()
}

/// The examples of one collection: its queries in the order of a seeded hash, up to the limit.
fn examples_of(
    recipe: &Recipe,
    section: &HumanSection,
    progress: &mut dyn Progress,
) -> Result<Vec<DistillationExample>, PipelineError> {
    let path = recipe.data_path(&section.path);
    let index = recipe.artifact("indexes").join(section.path.file_name().unwrap_or(section.path.as_os_str()));
    refresh_index(&path, &index, progress)?;
    let collection = Collection::read(&path)?;
    let qrels = read_qrels(&path, &section.split)?;
    let searcher = Searcher::open(&index).map_err(PipelineError::input)?;
    let bm25 = recipe.retrieval.bm25();

    let mut queries: Vec<&Arc<Query>> =
        collection.queries.values().filter(|query| qrels.judged(&query.id).is_some()).collect();
    queries.sort_by_cached_key(|query| Sha256::digest(format!("{} {}", recipe.seed, query.id)).to_vec());

    let mut examples = Vec::new();
    progress.begin("human", Some(section.limit.min(queries.len()) as u64));
    for query in queries {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        if examples.len() == section.limit {
            break;
        }
        let hits = searcher.search(&query.text, recipe.retrieval.depth, &bm25).map_err(PipelineError::input)?;
        let mut list: Vec<Candidate> = Vec::with_capacity(hits.len());
        for hit in hits {
            let document = collection.documents.get(&hit.doc).ok_or_else(|| {
                PipelineError::Input(format!("{}: the index does not belong to {}", index.display(), path.display()))
            })?;
            list.push(Candidate { document: Arc::clone(document), score: hit.score });
        }
        let relevant: Vec<Arc<Document>> = qrels
            .judged(&query.id)
            .into_iter()
            .flatten()
            .filter(|(_, grade)| **grade > 0)
            .filter_map(|(doc, _)| collection.documents.get(doc).cloned())
            .collect();
        let answers = answers(&collection, query, &relevant);
        let labels = HumanLabels { qrels: &qrels, answers: &answers, relevant: &relevant };
        let options = HumanOptions {
            positives: section.positives,
            negatives: section.negatives,
            skip_top: section.skip_top,
            seed: recipe.seed,
            ..HumanOptions::default()
        };
        let candidates = Candidates { query: Arc::clone(query), list };
        examples.extend(from_qrels(&candidates, labels, options).map(scaled));
        progress.at(examples.len() as u64);
    }
    progress.end(&format!("{}: {} lists", display_name(&section.path), examples.len()));
    Ok(examples)
}

/// The target of a list's most relevant passage: what a teacher's order gives the best of five passages, so that one
/// temperature of the listwise loss fits both.
const BEST_TARGET: f32 = 4.0;

/// The example with its targets scaled to 0..=[`BEST_TARGET`].
fn scaled(mut example: DistillationExample) -> DistillationExample {
    let best = example.passages.iter().map(|passage| passage.target).fold(0.0, f32::max);
    if best > 0.0 {
        for passage in &mut example.passages {
            passage.target *= BEST_TARGET / best;
        }
    }
    example
}

/// The exact answers that SQuAD-like collections keep in the metadata of a query, for its relevant documents.
fn answers(collection: &Collection, query: &Query, relevant: &[Arc<Document>]) -> BTreeMap<DocId, Vec<String>> {
    let metadata = collection.metadata.get(&query.id);
    let listed = metadata.and_then(|metadata| metadata.get("answers")).and_then(serde_json::Value::as_array);
    let words: Vec<String> =
        listed.into_iter().flatten().filter_map(serde_json::Value::as_str).map(str::to_owned).collect();
    if words.is_empty() {
        return BTreeMap::new();
    }
    relevant.iter().map(|document| (document.id.clone(), words.clone())).collect()
}

fn display_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
