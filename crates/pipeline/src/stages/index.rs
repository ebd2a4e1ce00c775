//! Collection -> BM25 index.

use std::path::Path;

use r2r_retrieval::index::{IndexReport, build};
use r2r_types::formats::beir::read_documents;

use crate::artifact::is_fresh;
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Part, Provenance};

/// Builds the index of a BEIR folder in a new folder, with its provenance.
pub fn build_index(
    collection: &Path,
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<IndexReport, PipelineError> {
    let mut provenance = provenance(collection)?;
    let documents = read_documents(collection)?;
    progress.begin("index", None);
    let report = build(documents, output, &mut |done| progress.at(done)).map_err(PipelineError::input)?;
    // The index opens without its provenance; what a kill right here leaves is a whole index of unknown origin.
    provenance.count("documents", report.documents);
    provenance.count("bytes", report.bytes);
    provenance.write(output)?;
    progress.end(&format!("{} documents", report.documents));
    Ok(report)
}

/// Builds the index unless one of the same corpus is there.
pub fn refresh_index(collection: &Path, output: &Path, progress: &mut dyn Progress) -> Result<(), PipelineError> {
    if is_fresh(output, &provenance(collection)?)? {
        return Ok(());
    }
    if output.exists() {
        std::fs::remove_dir_all(output).map_err(|error| PipelineError::io(output, error))?;
    }
    if let Some(parent) = output.parent() {
        std::fs::create_dir_all(parent).map_err(|error| PipelineError::io(parent, error))?;
    }
    build_index(collection, output, progress).map(drop)
}

/// What an index is made of: the corpus and the analyzer.
fn provenance(collection: &Path) -> Result<Provenance, PipelineError> {
    let corpus = Input::collection(collection, &[Part::Corpus])?;
    Provenance::of("index", &serde_json::json!({"analyzer": "english"}), 0, corpus)
}
