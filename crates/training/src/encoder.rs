//! The BERT encoder (Devlin et al., 2019) over packed sequences.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use r2r_model::config::EncoderConfig;
use r2r_model::weights::{Weights, WeightsError};
use rand_chacha::ChaCha8Rng;

use crate::compute::Compute;
use crate::fused::Packing;
use crate::layers::{Adaptation, Linear, Norm, Pass};

/// Sequences of word pieces, laid end to end.
#[derive(Clone, Debug)]
pub struct PackedPieces {
    /// Vocabulary ids, `[rows]`.
    pub ids: Vec<u32>,
    /// Token types, `[rows]`.
    pub types: Vec<u32>,
    /// Where each sequence begins and ends.
    pub packing: Packing,
}

/// A BERT encoder.
#[derive(Module, Debug)]
pub struct Encoder {
    /// `[vocabulary, hidden]`.
    pub word_embeddings: Param<Tensor<2>>,
    /// `[positions, hidden]`.
    pub position_embeddings: Param<Tensor<2>>,
    /// `[types, hidden]`.
    pub token_type_embeddings: Param<Tensor<2>>,
    /// Norm of the sum of the three.
    pub norm: Norm,
    /// The layers, first to last.
    pub layers: Vec<EncoderLayer>,
}

/// One post-norm layer.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    /// Queries, keys and values side by side, `[hidden, 3 * hidden]`.
    pub qkv: Linear,
    /// `[hidden, hidden]`.
    pub attention_output: Linear,
    /// Behind the attention.
    pub attention_norm: Norm,
    /// `[hidden, intermediate]`.
    pub intermediate: Linear,
    /// `[intermediate, hidden]`.
    pub output: Linear,
    /// Behind the feed-forward half.
    pub output_norm: Norm,
    #[module(skip)]
    heads: usize,
}

impl PackedPieces {
    /// Packs sequences of (ids, types).
    pub fn of<'a>(sequences: impl IntoIterator<Item = (&'a [u32], &'a [u32])>) -> Self {
        let (mut ids, mut types, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for (sequence_ids, sequence_types) in sequences {
            ids.extend_from_slice(sequence_ids);
            types.extend_from_slice(sequence_types);
            lengths.push(sequence_ids.len());
        }
        Self { ids, types, packing: Packing::of(lengths) }
    }
}

impl Encoder {
    /// Takes the encoder's tensors out of `weights` and applies the adaptation.
    pub fn load(
        weights: &mut Weights,
        config: &EncoderConfig,
        adaptation: Adaptation,
        random: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let hidden = config.hidden_size;
        let mut loader = Loader { weights, device, epsilon: config.layer_norm_eps };
        let word_embeddings = loader.matrix("bert.embeddings.word_embeddings.weight", config.vocab_size, hidden)?;
        let position_embeddings =
            loader.matrix("bert.embeddings.position_embeddings.weight", config.max_position_embeddings, hidden)?;
        let token_type_embeddings =
            loader.matrix("bert.embeddings.token_type_embeddings.weight", config.type_vocab_size, hidden)?;
        let norm = loader.norm("bert.embeddings.LayerNorm", hidden)?;
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for number in 0..config.num_hidden_layers {
            layers.push(EncoderLayer::load(&mut loader, config, number, adaptation, random)?);
        }
        let encoder = Self {
            word_embeddings: Param::from_tensor(word_embeddings),
            position_embeddings: Param::from_tensor(position_embeddings),
            token_type_embeddings: Param::from_tensor(token_type_embeddings),
            norm,
            layers,
        };
        Ok(encoder.frozen_under(adaptation))
    }

    /// Everything but the low-rank terms frozen, where there are such terms.
    fn frozen_under(mut self, adaptation: Adaptation) -> Self {
        match adaptation {
            Adaptation::Full => self,
            Adaptation::LowRank(_) => {
                let freeze = |param: Param<Tensor<2>>| param.set_require_grad(false);
                self.word_embeddings = freeze(self.word_embeddings);
                self.position_embeddings = freeze(self.position_embeddings);
                self.token_type_embeddings = freeze(self.token_type_embeddings);
                self.norm = self.norm.no_grad();
                for layer in &mut self.layers {
                    layer.attention_norm = layer.attention_norm.clone().no_grad();
                    layer.output_norm = layer.output_norm.clone().no_grad();
                }
                self
            }
        }
    }

    /// Last-layer states of all pieces, `[rows, hidden]`.
    pub fn forward(&self, input: &PackedPieces, pass: Pass, compute: Compute) -> Tensor<2> {
        let device = self.word_embeddings.device();
        let positions = input.packing.ranges().flat_map(|range| 0..range.len() as u32);
        let positions: Vec<u32> = positions.collect();
        let embedded = self.word_embeddings.val().select(0, indices(&input.ids, &device))
            + self.position_embeddings.val().select(0, indices(&positions, &device))
            + self.token_type_embeddings.val().select(0, indices(&input.types, &device));
        let mut states = self.norm.forward(embedded, compute);
        for layer in &self.layers {
            states = layer.forward(states, &input.packing, pass, compute);
        }
        states
    }
}

impl EncoderLayer {
    fn load(
        loader: &mut Loader<'_>,
        config: &EncoderConfig,
        number: usize,
        adaptation: Adaptation,
        random: &mut ChaCha8Rng,
    ) -> Result<Self, WeightsError> {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("bert.encoder.layer.{number}.{part}");
        let blocks = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let qkv = loader.side_by_side(&blocks, hidden, hidden)?;
        let attention_output = loader.linear(&name("attention.output.dense"), hidden, hidden)?;
        let attention_norm = loader.norm(&name("attention.output.LayerNorm"), hidden)?;
        let up = loader.linear(&name("intermediate.dense"), hidden, intermediate)?;
        let down = loader.linear(&name("output.dense"), intermediate, hidden)?;
        let output_norm = loader.norm(&name("output.LayerNorm"), hidden)?;
        Ok(Self {
            qkv: qkv.adapted(adaptation, 3, random),
            attention_output: attention_output.adapted(adaptation, 1, random),
            attention_norm,
            intermediate: up.adapted(adaptation, 1, random),
            output: down.adapted(adaptation, 1, random),
            output_norm,
            heads: config.num_attention_heads,
        })
    }

    fn forward(&self, x: Tensor<2>, packing: &Packing, pass: Pass, compute: Compute) -> Tensor<2> {
        let qkv = self.qkv.product(x.clone(), pass, compute);
        let attended = compute.self_attention(qkv, self.qkv.bias.val(), packing, self.heads, false);
        let attended = self.attention_output.product(attended, pass, compute);
        let x = self.attention_norm.forward_residual(attended, self.attention_output.bias.val(), x, compute);
        let inner = self.intermediate.product(x.clone(), pass, compute);
        let inner = compute.bias_gelu(inner, self.intermediate.bias.val());
        let out = self.output.product(inner, pass, compute);
        self.output_norm.forward_residual(out, self.output.bias.val(), x, compute)
    }
}

/// Turns named tensors of a folder into modules.
pub(crate) struct Loader<'a> {
    /// The tensors that are left.
    pub(crate) weights: &'a mut Weights,
    /// Where modules are built.
    pub(crate) device: &'a Device,
    /// Added to variances.
    pub(crate) epsilon: f64,
}

impl Loader<'_> {
    /// A matrix as it is stored.
    pub(crate) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Tensor<2>, WeightsError> {
        let values = self.weights.take(name, &[rows, columns])?;
        Ok(Tensor::from_data(TensorData::new(values, [rows, columns]), self.device))
    }

    /// A vector as it is stored.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Tensor<1>, WeightsError> {
        let values = self.weights.take(name, &[length])?;
        Ok(Tensor::from_data(TensorData::new(values, [length]), self.device))
    }

    /// `NAME.weight` (stored `[outputs, inputs]`) and `NAME.bias`.
    pub(crate) fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, WeightsError> {
        self.side_by_side(&[name.to_owned()], inputs, outputs)
    }

    /// Several maps of one input, side by side.
    pub(crate) fn side_by_side(
        &mut self,
        names: &[String],
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, WeightsError> {
        let width = names.len() * outputs;
        let mut weight = vec![0.0; inputs * width];
        let mut bias = Vec::with_capacity(width);
        for (block, name) in names.iter().enumerate() {
            let values = self.weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
            for (output, row) in values.chunks_exact(inputs).enumerate() {
                for (input, value) in row.iter().enumerate() {
                    weight[input * width + block * outputs + output] = *value;
                }
            }
            bias.extend(self.weights.take(&format!("{name}.bias"), &[outputs])?);
        }
        let weight = Tensor::from_data(TensorData::new(weight, [inputs, width]), self.device);
        let bias = Tensor::from_data(TensorData::new(bias, [width]), self.device);
        Ok(Linear::of(weight, bias))
    }

    /// `NAME.weight` and `NAME.bias` of a layer norm.
    pub(crate) fn norm(&mut self, name: &str, features: usize) -> Result<Norm, WeightsError> {
        let gamma = self.vector(&format!("{name}.weight"), features)?;
        let beta = self.vector(&format!("{name}.bias"), features)?;
        Ok(Norm::of(gamma, beta, self.epsilon))
    }
}

fn indices(ids: &[u32], device: &Device) -> Tensor<1, Int> {
    let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
    let count = ids.len();
    Tensor::from_data(TensorData::new(ids, [count]), device)
}
