//! Collection -> BM25 index.

use std::path::Path;

use r2r_retrieval::index::{IndexError, IndexReport, build};
use r2r_types::formats::beir::read_documents;

use crate::artifact::{Artifact, Building};
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};

/// Builds the index of a BEIR folder in a new folder, with its provenance.
pub fn build_index(
    collection: &Path,
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<IndexReport, PipelineError> {
    let exists = || PipelineError::input(IndexError::Exists { dir: output.to_owned() });
    if output.exists() {
        return Err(exists());
    }
    match Artifact::open(output, provenance(collection)?)? {
        Artifact::Fresh => Err(exists()),
        Artifact::Stale(building) => fill(building, collection, progress),
    }
}

/// Builds the index unless one of the same corpus is there.
pub fn refresh_index(collection: &Path, output: &Path, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    match Artifact::open(output, provenance(collection)?)? {
        Artifact::Fresh => Ok(()),
        Artifact::Stale(building) => fill(building, collection, progress).map(drop),
    }
}

/// Writes the index where the artifact is built.
fn fill(
    mut building: Box<Building>,
    collection: &Path,
    progress: &mut dyn Progress,
) -> Result<IndexReport, PipelineError> {
    let documents = read_documents(collection)?;
    // The index is written into a folder of its own making.
    std::fs::remove_dir(building.path()).map_err(|error| PipelineError::io(building.path(), error))?;
    progress.begin("index", None);
    let report = build(documents, building.path(), &mut |done| progress.at(done)).map_err(PipelineError::input)?;
    if report.documents == 0 {
        return Err(PipelineError::Input(format!("{}: its corpus holds no documents to find", collection.display())));
    }
    building.provenance.count("documents", report.documents);
    building.provenance.count("bytes", report.bytes);
    building.finish()?;
    progress.end(&format!("{} documents", report.documents));
    Ok(report)
}

/// What an index is made of: the corpus and the analyzer.
fn provenance(collection: &Path) -> Result<Provenance, PipelineError> {
    let corpus = Input::collection(collection, &[Part::Corpus])?;
    Provenance::of("index", &serde_json::json!({"analyzer": "english"}), 0, corpus)
}
