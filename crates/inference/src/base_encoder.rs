//! The base encoder inside a low-rank student: merged weights minus the low-rank terms (Hu et al., 2021).

use r2r_model::config::EncoderConfig;
use r2r_model::weights::WeightsError;

use crate::encoder::{LAYER_MAPS, StoredLayer, map_shape};
use crate::kernels::{Epilogue, Kernel, Operand, PackedMatrix, Precision, RowsOf};
use crate::loading::{Loader, StoredLinear};

/// Takes the low-rank terms of layer `index` out of the weights and subtracts them: base W = merged W - up · down.
pub(crate) fn subtract_low_rank(
    loader: &Loader,
    config: &EncoderConfig,
    index: usize,
    layer: &StoredLayer,
) -> Result<StoredLayer, WeightsError> {
    let mut maps = Vec::with_capacity(LAYER_MAPS.len());
    for (which, map) in LAYER_MAPS.iter().enumerate() {
        let name = format!("similarity.encoder.layer.{index}.{map}");
        let (n_inputs, n_outputs) = map_shape(config, which);
        // The rank is not in config.json: `down` says it, `up` must agree.
        let rank = loader.weights.shape(&format!("{name}.down")).map_or(1, |shape| shape[0]);
        let down = loader.tensor(&format!("{name}.down"), &[rank, n_inputs])?;
        let mut up = loader.tensor(&format!("{name}.up"), &[n_outputs, rank])?;
        for value in &mut up {
            *value = -*value;
        }
        let merged = &layer.maps[which];
        let mut weight = merged.weight.clone();
        let kernel = Kernel::of(loader.instructions, Precision::F32);
        let mut terms = PackedMatrix::empty(loader.instructions, kernel);
        terms.fill_rows(RowsOf::dense(&down, n_inputs), n_inputs);
        terms.multiply(RowsOf::dense(&up, rank), &mut weight, n_inputs, Epilogue::Add, &mut Operand::default());
        maps.push(StoredLinear { weight, bias: merged.bias.clone(), n_inputs });
    }
    let maps = maps.try_into().unwrap_or_else(|_| unreachable!("one map for each name of LAYER_MAPS"));
    Ok(StoredLayer { maps, attention_norm: layer.attention_norm.clone(), output_norm: layer.output_norm.clone() })
}
