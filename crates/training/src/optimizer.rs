//! `AdamW` with decoupled weight decay (Loshchilov & Hutter, 2019), clipping by the global norm, and learning rates
//! by the part of the student that a tensor belongs to.

use std::collections::BTreeMap;

use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::Tensor;

use crate::config::TrainingConfig;
use crate::parameters::{NamedTensors, numbers, tensor_like};

/// Added to the root of the second moment, as in PyTorch.
const EPSILON: f32 = 1e-8;

/// The learning rates of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRates {
    /// Of the encoder.
    pub encoder: f64,
    /// Of rank head, evidence head and reason decoder.
    pub head: f64,
    /// Of the similarity's weight.
    pub similarity: f64,
}

/// The optimizer with the moments of every tensor it has seen.
pub struct Optimizer {
    matrices: AdamW,
    vectors: AdamW,
    states: BTreeMap<String, AdamWState<1>>,
}

/// The moments of one tensor as numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Steps taken.
    pub time: usize,
    /// First moment.
    pub first: Vec<f32>,
    /// Second moment.
    pub second: Vec<f32>,
}

impl LearningRates {
    /// The largest rates times the schedule's factor.
    pub fn at(config: &TrainingConfig, factor: f64) -> Self {
        Self {
            encoder: config.learning_rate * factor,
            head: config.head_learning_rate * factor,
            similarity: config.similarity_learning_rate * factor,
        }
    }

    fn of(self, name: &str) -> f64 {
        if name.starts_with("encoder.") {
            self.encoder
        } else if name == "head.similarity_weight" {
            self.similarity
        } else {
            self.head
        }
    }
}

impl Optimizer {
    /// An optimizer without moments. `weight_decay` is for matrices only.
    pub fn new(weight_decay: f64) -> Self {
        let adamw = |decay: f64| AdamWConfig::new().with_epsilon(EPSILON).with_weight_decay(decay as f32).build();
        Self { matrices: adamw(weight_decay), vectors: adamw(0.0), states: BTreeMap::new() }
    }

    /// The values after one step; tensors without a gradient stay as they are.
    pub fn step(&mut self, mut values: NamedTensors, gradients: NamedTensors, rates: LearningRates) -> NamedTensors {
        for (name, gradient) in gradients {
            let Some(value) = values.remove(&name) else { continue };
            let adamw = if is_matrix(&name) { &self.matrices } else { &self.vectors };
            let (value, state) = adamw.step(rates.of(&name), value, gradient, self.states.remove(&name));
            if let Some(state) = state {
                self.states.insert(name.clone(), state);
            }
            values.insert(name, value);
        }
        values
    }

    /// All moments.
    pub fn moments(&self) -> BTreeMap<String, Moments> {
        let moments = self.states.iter().map(|(name, state)| {
            let AdaptiveMomentumState { time, moment_1, moment_2, .. } = &state.momentum;
            let moments = Moments { time: *time, first: numbers(moment_1.clone()), second: numbers(moment_2.clone()) };
            (name.clone(), moments)
        });
        moments.collect()
    }

    /// Goes on from saved moments; `values` say on which device.
    pub fn restore(&mut self, moments: BTreeMap<String, Moments>, values: &NamedTensors) {
        self.states = moments
            .into_iter()
            .filter_map(|(name, moments)| {
                let like = values.get(&name)?;
                let momentum = AdaptiveMomentumState::new(
                    moments.time,
                    tensor_like(moments.first, like),
                    tensor_like(moments.second, like),
                );
                Some((name, AdamWState::new(momentum)))
            })
            .collect();
    }
}

/// Whether weight decay applies: biases, norms and the similarity's weight have none.
fn is_matrix(name: &str) -> bool {
    let vector = ["bias", "gamma", "beta", "vocabulary_bias", "similarity_weight"];
    !name.rsplit('.').next().is_some_and(|last| vector.contains(&last))
}

/// Adds the gradients of another pass.
pub fn accumulate(sum: &mut NamedTensors, gradients: NamedTensors) {
    for (name, gradient) in gradients {
        let gradient = match sum.remove(&name) {
            Some(so_far) => so_far + gradient,
            None => gradient,
        };
        sum.insert(name, gradient);
    }
}

/// Scales all gradients so that their common norm is at most `most`; the norm before.
pub fn clip(gradients: &mut NamedTensors, most: f64) -> f64 {
    let squares = gradients.values().map(|gradient| f64::from(squared_length(gradient)));
    let norm = squares.sum::<f64>().sqrt();
    if norm > most {
        let factor = most / (norm + 1e-6);
        for gradient in gradients.values_mut() {
            *gradient = gradient.clone().mul_scalar(factor);
        }
    }
    norm
}

fn squared_length(tensor: &Tensor<1>) -> f32 {
    (tensor.clone() * tensor.clone()).sum().into_scalar()
}
