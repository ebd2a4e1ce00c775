//! Tensors of a student turned into packed matrices and norms.

use std::ops::Range;

use r2r_model::weight_file::{RowTable, WeightFile};
use r2r_model::weights::WeightsError;

use crate::base_encoder::LowRank;
use crate::kernels::first_piece::RowMap;
use crate::kernels::rows::LayerNorm;
use crate::kernels::{Instructions, Kernel, PackedMatrix, Parts, Precision};

/// A linear map as it is stored: its weights become floats a few rows at a time, while it is packed.
pub(crate) struct StoredLinear {
    /// `[outputs, inputs]`.
    weight: RowTable,
    /// `[outputs]`.
    bias: Vec<f32>,
    /// What both are multiplied with.
    factor: f32,
}

/// Makes the parts of a student from its tensors.
pub(crate) struct Loader {
    /// The student's tensors.
    pub(crate) weights: WeightFile,
    /// What matrices are packed for.
    pub(crate) instructions: Instructions,
    /// Of the products of encoder and decoder; heads, which cost nothing, stay 32-bit floats.
    pub(crate) precision: Precision,
    /// Added to the variance of every layer norm.
    pub(crate) epsilon: f32,
}

impl StoredLinear {
    /// The map with all its outputs multiplied.
    pub(crate) fn scaled(self, factor: f32) -> Self {
        Self { factor: self.factor * factor, ..self }
    }

    /// The map in 32-bit floats.
    pub(crate) fn floats(&self) -> RowMap {
        let mut weight = vec![0f32; self.bias.len() * self.weight.width()];
        self.read_rows(0..self.bias.len(), None, &mut weight);
        RowMap { weight, bias: self.scaled_bias().collect() }
    }

    fn scaled_bias(&self) -> impl Iterator<Item = f32> {
        self.bias.iter().map(|bias| bias * self.factor)
    }

    /// Writes rows of the weight, less a low-rank term, into `block`.
    fn read_rows(&self, rows: Range<usize>, less: Option<&LowRank>, block: &mut [f32]) {
        for (index, row) in rows.clone().zip(block.chunks_exact_mut(self.weight.width())) {
            self.weight.read_row(index, row);
        }
        if let Some(less) = less {
            less.subtract(rows, block);
        }
        if self.factor.total_cmp(&1.0).is_ne() {
            for value in block {
                *value *= self.factor;
            }
        }
    }
}

/// Packs maps with the same inputs as one, their outputs one after the other, each less its low-rank term where there
/// are such terms; 8-bit inputs are split into parts.
pub(crate) fn packed(
    instructions: Instructions,
    kernel: Kernel,
    maps: &[&StoredLinear],
    less: Option<&[LowRank]>,
    parts: &Parts,
) -> PackedMatrix {
    let k = maps[0].weight.width();
    let bias: Vec<f32> = maps.iter().flat_map(|map| map.scaled_bias()).collect();
    PackedMatrix::of_rows(instructions, kernel, k, &bias, parts, |rows, block| {
        let mut first = 0;
        for (which, map) in maps.iter().enumerate() {
            let own = rows.start.max(first)..rows.end.min(first + map.bias.len());
            if !own.is_empty() {
                let part = &mut block[(own.start - rows.start) * k..(own.end - rows.start) * k];
                map.read_rows(own.start - first..own.end - first, less.map(|less| &less[which]), part);
            }
            first += map.bias.len();
        }
    })
}

impl Loader {
    /// A tensor of a known shape.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        self.weights.tensor(name, shape)
    }

    /// A matrix whose rows are looked up one by one.
    pub(crate) fn table(&self, name: &str, shape: [usize; 2]) -> Result<RowTable, WeightsError> {
        self.weights.table(name, shape)
    }

    /// `NAME.weight` and `NAME.bias`.
    pub(crate) fn linear(&self, name: &str, n_inputs: usize, n_outputs: usize) -> Result<StoredLinear, WeightsError> {
        let weight = self.weights.table(&format!("{name}.weight"), [n_outputs, n_inputs])?;
        Ok(StoredLinear { weight, bias: self.bias(name, n_outputs)?, factor: 1.0 })
    }

    /// `NAME.bias`; the maps of the reason decoder may lack it.
    pub(crate) fn bias(&self, name: &str, n: usize) -> Result<Vec<f32>, WeightsError> {
        let name = format!("{name}.bias");
        if name.starts_with("reason.") && self.weights.shape(&name).is_none() {
            return Ok(vec![0.0; n]);
        }
        self.weights.tensor(&name, &[n])
    }

    /// `NAME.weight` and `NAME.bias` of a linear map, packed for a precision.
    pub(crate) fn packed(
        &self,
        name: &str,
        n_inputs: usize,
        n_outputs: usize,
        precision: Precision,
    ) -> Result<PackedMatrix, WeightsError> {
        let kernel = Kernel::of(self.instructions, precision);
        Ok(packed(self.instructions, kernel, &[&self.linear(name, n_inputs, n_outputs)?], None, &Parts::new()))
    }

    /// `NAME.weight` and `NAME.bias` of a layer norm.
    pub(crate) fn norm(&self, name: &str, n: usize) -> Result<LayerNorm, WeightsError> {
        Ok(LayerNorm {
            gain: self.weights.tensor(&format!("{name}.weight"), &[n])?,
            shift: self.weights.tensor(&format!("{name}.bias"), &[n])?,
            epsilon: self.epsilon,
        })
    }
}
