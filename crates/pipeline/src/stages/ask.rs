//! Candidates -> a large model's judgments.

use std::path::Path;

use r2r_types::candidates::Candidates;
use serde_json::json;

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::live_teacher::LiveTeacher;
use crate::progress::Progress;
use crate::provenance::{Input, Provenance};
use crate::stages::judged::{summarize, write_records};

/// Judges the candidates of each query, unless the artifact is fresh; the provenance of the artifact. `inputs` are what
/// the candidates were read from.
pub fn judge_candidates(
    teacher: &LiveTeacher,
    candidates: &[Candidates],
    inputs: Vec<Input>,
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<Provenance, PipelineError> {
    let provenance = Provenance::of("judge", &teacher.config(candidates), teacher.seed(), inputs)?;
    if let Artifact::Stale(mut building) = Artifact::open(output, provenance)? {
        let (records, tally) = teacher.judge(candidates, progress)?;
        write_records(&records, candidates, building.path())?;
        summarize(&records, &mut building.provenance);
        building.provenance.count("answers", json!(tally));
        building.finish()?;
    }
    let made = Provenance::read(output)?;
    made.ok_or_else(|| PipelineError::Input(format!("{} was removed meanwhile", output.display())))
}
