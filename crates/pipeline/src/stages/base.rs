//! The base encoder inside a student, as a folder of its own: a student carries the weights it was trained from.

use std::path::{Path, PathBuf};

use r2r_model::config::WeightFormat;
use r2r_model::folder::StudentFolder;
use r2r_model::weights::{NamedTensor, Weights};

use crate::artifact::Artifact;
use crate::error::PipelineError;
use crate::provenance::{Input, Provenance};

/// What the names of low-rank terms begin with.
const LOW_RANK: &str = "similarity.";

/// The base to train from: `base` itself, or the encoder before training where `base` is a student, written to `place`.
pub fn base_folder(base: &Path, place: &Path) -> Result<PathBuf, PipelineError> {
    let folder = StudentFolder::open(base).map_err(PipelineError::input)?;
    let mut weights = folder.weights().map_err(PipelineError::input)?;
    if !weights.has_prefix(LOW_RANK) {
        return Ok(base.to_owned());
    }
    let files = [folder.root().join("config.json"), folder.weights_path(), folder.tokenizer_path()];
    let inputs = files.iter().map(|file| Input::file(file)).collect::<Result<_, _>>()?;
    let provenance = Provenance::of("base", &serde_json::json!({}), 0, inputs)?;
    let Artifact::Stale(building) = Artifact::open(place, provenance)? else { return Ok(place.to_owned()) };
    subtract_low_rank(&mut weights)?;
    weights.retain(|name| name.starts_with("bert.") && !name.starts_with("bert.pooler."));

    let config = read(&base.join("config.json"))?;
    let mut config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&config).map_err(PipelineError::input)?;
    config.shift_remove("reason_to_rank");
    let config = serde_json::to_vec_pretty(&config).map_err(PipelineError::failed)?;
    write(&building.path().join("config.json"), &config)?;
    write(&building.path().join("tokenizer.json"), &read(&folder.tokenizer_path())?)?;
    let path = building.path().join("model.safetensors");
    weights.write(&path, WeightFormat::F32).map_err(PipelineError::failed)?;
    building.finish()?;
    Ok(place.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, PipelineError> {
    std::fs::read(path).map_err(|error| PipelineError::io(path, error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PipelineError> {
    std::fs::write(path, bytes).map_err(|error| PipelineError::io(path, error))
}

/// Takes each term `up · down` away from the matrix that it was merged into.
fn subtract_low_rank(weights: &mut Weights) -> Result<(), PipelineError> {
    let downs: Vec<String> = weights
        .iter()
        .filter_map(|(name, _)| Some(name.strip_prefix(LOW_RANK)?.strip_suffix(".down")?.to_owned()))
        .collect();
    for module in downs {
        let find = |name: String| {
            weights.get(&name).ok_or_else(|| PipelineError::Input(format!("the student lacks the tensor {name}")))
        };
        let name = format!("bert.{module}.weight");
        let (merged, down, up) =
            (find(name.clone())?, find(format!("{LOW_RANK}{module}.down"))?, find(format!("{LOW_RANK}{module}.up"))?);
        let (&[n_out, n_in], &[rank, down_in], &[up_out, up_rank]) =
            (merged.shape.as_slice(), down.shape.as_slice(), up.shape.as_slice())
        else {
            return Err(PipelineError::Input(format!("the low-rank terms of {name} are not matrices")));
        };
        if (down_in, up_out, up_rank) != (n_in, n_out, rank) {
            return Err(PipelineError::Input(format!("the low-rank terms of {name} do not fit it")));
        }
        let mut values = merged.values.clone();
        for (row, up) in values.chunks_exact_mut(n_in).zip(up.values.chunks_exact(rank)) {
            for (factor, down) in up.iter().zip(down.values.chunks_exact(n_in)) {
                for (value, down) in row.iter_mut().zip(down) {
                    *value -= factor * down;
                }
            }
        }
        weights.insert(name, NamedTensor::new(vec![n_out, n_in], values));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_the_merged_matrix_less_its_low_rank_term() {
        let mut weights = Weights::default();
        weights.insert("bert.encoder.layer.0.q.weight", NamedTensor::new(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]));
        weights.insert("similarity.encoder.layer.0.q.down", NamedTensor::new(vec![1, 2], vec![10.0, 20.0]));
        weights.insert("similarity.encoder.layer.0.q.up", NamedTensor::new(vec![2, 1], vec![0.1, 0.2]));
        subtract_low_rank(&mut weights).unwrap();
        let base = &weights.get("bert.encoder.layer.0.q.weight").unwrap().values;
        for (found, expected) in base.iter().zip([0.0, 0.0, 1.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{base:?}");
        }
    }
}
