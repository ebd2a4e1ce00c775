//! The base encoder inside a low-rank student: merged weights minus the low-rank terms (Hu et al., 2021).

use r2r_model::config::EncoderConfig;
use r2r_model::weights::WeightsError;

use crate::encoder::{LAYER_MAPS, StoredLayer, map_shape};
use crate::kernels::{Instructions, rows};
use crate::loading::{Loader, StoredLinear};

/// Takes the low-rank terms of layer `index` out of the weights and subtracts them: base W = merged W - up · down.
pub(crate) fn subtract_low_rank(
    loader: &mut Loader,
    config: &EncoderConfig,
    index: usize,
    layer: &StoredLayer,
) -> Result<StoredLayer, WeightsError> {
    let mut maps = Vec::with_capacity(LAYER_MAPS.len());
    for (which, map) in LAYER_MAPS.iter().enumerate() {
        let name = format!("similarity.encoder.layer.{index}.{map}");
        let (n_inputs, n_outputs) = map_shape(config, which);
        // The rank is not in config.json: `down` says it, `up` must agree.
        let rank = loader.weights.get(&format!("{name}.down")).map_or(1, |down| down.shape[0]);
        let down = loader.tensor(&format!("{name}.down"), &[rank, n_inputs])?;
        let up = loader.tensor(&format!("{name}.up"), &[n_outputs, rank])?;
        let merged = &layer.maps[which];
        let mut weight = merged.weight.clone();
        for (row, up) in weight.chunks_exact_mut(n_inputs).zip(up.chunks_exact(rank)) {
            subtract_rows(loader.instructions, row, up, &down);
        }
        maps.push(StoredLinear { weight, bias: merged.bias.clone(), n_inputs });
    }
    let maps = maps.try_into().unwrap_or_else(|_| unreachable!("one map for each name of LAYER_MAPS"));
    Ok(StoredLayer { maps, attention_norm: layer.attention_norm.clone(), output_norm: layer.output_norm.clone() })
}

fn subtract_rows(instructions: Instructions, row: &mut [f32], up: &[f32], down: &[f32]) {
    for (factor, down) in up.iter().zip(down.chunks_exact(row.len())) {
        rows::add_scaled(instructions, row, -factor, down);
    }
}
