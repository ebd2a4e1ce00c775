//! The base encoder inside a student, as a folder of its own: a student carries the weights it was trained from.

use std::path::{Path, PathBuf};

use r2r_model::config::WeightFormat;
use r2r_model::folder::StudentFolder;
use r2r_model::weights::{NamedTensor, Weights};

use crate::error::PipelineError;

/// What the names of low-rank terms begin with.
const LOW_RANK: &str = "similarity.";

/// The base to train from: `base` itself, or the encoder before training where `base` is a student, written to `place`.
pub fn base_folder(base: &Path, place: &Path) -> Result<PathBuf, PipelineError> {
    let folder = StudentFolder::open(base).map_err(PipelineError::input)?;
    let mut weights = folder.weights().map_err(PipelineError::input)?;
    if !weights.has_prefix(LOW_RANK) {
        return Ok(base.to_owned());
    }
    subtract_low_rank(&mut weights)?;
    weights.retain(|name| name.starts_with("bert.") && !name.starts_with("bert.pooler."));

    let config_path = base.join("config.json");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| PipelineError::io(&path, error)
    };
    let text = std::fs::read_to_string(&config_path).map_err(failed(&config_path))?;
    let mut config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(PipelineError::input)?;
    config.shift_remove("reason_to_rank");
    if place.exists() {
        std::fs::remove_dir_all(place).map_err(failed(place))?;
    }
    std::fs::create_dir_all(place).map_err(failed(place))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = place.join(name);
        std::fs::write(&path, bytes).map_err(failed(&path))
    };
    weights.write(&place.join("model.safetensors"), WeightFormat::F32).map_err(PipelineError::input)?;
    write("config.json", serde_json::to_string_pretty(&config).map_err(PipelineError::failed)?.as_bytes())?;
    let tokenizer = folder.tokenizer_path();
    write("tokenizer.json", &std::fs::read(&tokenizer).map_err(failed(&tokenizer))?)?;
    Ok(place.to_owned())
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
