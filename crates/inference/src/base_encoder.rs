//! The base encoder inside a low-rank student: merged weights minus the low-rank terms (Hu et al., 2021).

use std::ops::Range;

use r2r_model::config::EncoderConfig;
use r2r_model::weights::WeightsError;

use crate::encoder::{LAYER_MAPS, map_shape};
use crate::kernels::{Epilogue, Kernel, Operand, PackedMatrix, Precision, RowsOf};
use crate::loading::Loader;

/// What training added to one linear map: base W = merged W - up · down.
pub(crate) struct LowRank {
    /// `-up`, `[outputs, rank]`.
    negated_up: Vec<f32>,
    /// `[rank, inputs]`.
    down: PackedMatrix,
    rank: usize,
}

impl LowRank {
    /// Takes the low-rank terms of layer `index` out of the weights, in the order of [`LAYER_MAPS`].
    pub(crate) fn of_layer(loader: &Loader, config: &EncoderConfig, index: usize) -> Result<Vec<Self>, WeightsError> {
        let mut terms = Vec::with_capacity(LAYER_MAPS.len());
        for (which, map) in LAYER_MAPS.iter().enumerate() {
            let name = format!("similarity.encoder.layer.{index}.{map}");
            let (n_inputs, n_outputs) = map_shape(config, which);
            // The rank is not in config.json: `down` says it, `up` must agree.
            let rank = loader.weights.shape(&format!("{name}.down")).map_or(1, |shape| shape[0]);
            let down = loader.tensor(&format!("{name}.down"), &[rank, n_inputs])?;
            let mut negated_up = loader.tensor(&format!("{name}.up"), &[n_outputs, rank])?;
            for value in &mut negated_up {
                *value = -*value;
            }
            let kernel = Kernel::of(loader.instructions, Precision::F32);
            let mut packed = PackedMatrix::empty(loader.instructions, kernel);
            packed.fill_rows(RowsOf::dense(&down, n_inputs), n_inputs);
            terms.push(Self { negated_up, down: packed, rank });
        }
        Ok(terms)
    }

    /// Takes the term off rows of the merged weight, `[rows, inputs]`.
    pub(crate) fn subtract(&self, rows: Range<usize>, block: &mut [f32]) {
        let up = &self.negated_up[rows.start * self.rank..rows.end * self.rank];
        let up = RowsOf::dense(up, self.rank);
        self.down.multiply(up, block, self.down.n(), Epilogue::Add, &mut Operand::default());
    }
}
