//! Tensors of a student turned into packed matrices and norms.

use r2r_model::weight_file::{RowTable, WeightFile};
use r2r_model::weights::WeightsError;

use crate::kernels::rows::LayerNorm;
use crate::kernels::{Instructions, Kernel, PackedMatrix, Precision};

/// A linear map as it is stored.
pub(crate) struct StoredLinear {
    /// `[outputs, inputs]`.
    pub(crate) weight: Vec<f32>,
    /// `[outputs]`.
    pub(crate) bias: Vec<f32>,
    /// Length of an input row.
    pub(crate) n_inputs: usize,
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
    /// Maps with the same inputs as one map, their outputs one after the other.
    pub(crate) fn stacked(parts: Vec<Self>) -> Self {
        let n_inputs = parts[0].n_inputs;
        let mut whole = Self { weight: Vec::new(), bias: Vec::new(), n_inputs };
        for part in parts {
            whole.weight.extend(part.weight);
            whole.bias.extend(part.bias);
        }
        whole
    }

    /// The map with all its outputs multiplied.
    pub(crate) fn scaled(mut self, factor: f32) -> Self {
        for value in self.weight.iter_mut().chain(&mut self.bias) {
            *value *= factor;
        }
        self
    }

    /// The map, ready for products of a kernel.
    pub(crate) fn packed(&self, instructions: Instructions, kernel: Kernel) -> PackedMatrix {
        PackedMatrix::of_linear(instructions, kernel, &self.weight, &self.bias, self.n_inputs)
    }
}

impl Loader {
    /// A tensor of a known shape.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        self.weights.tensor(name, shape)
    }

    /// A matrix of which single rows are looked up.
    pub(crate) fn table(&self, name: &str, shape: [usize; 2]) -> Result<RowTable, WeightsError> {
        self.weights.table(name, shape)
    }

    /// `NAME.weight` and `NAME.bias`; the maps of the reason decoder may lack a bias.
    pub(crate) fn linear(&self, name: &str, n_inputs: usize, n_outputs: usize) -> Result<StoredLinear, WeightsError> {
        let weight = self.weights.tensor(&format!("{name}.weight"), &[n_outputs, n_inputs])?;
        let bias_name = format!("{name}.bias");
        let bias = if name.starts_with("reason.") && self.weights.shape(&bias_name).is_none() {
            vec![0.0; n_outputs]
        } else {
            self.weights.tensor(&bias_name, &[n_outputs])?
        };
        Ok(StoredLinear { weight, bias, n_inputs })
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
        Ok(self.linear(name, n_inputs, n_outputs)?.packed(self.instructions, kernel))
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
