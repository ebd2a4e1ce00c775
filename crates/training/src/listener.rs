//! What can be watched while a student trains, and how it is told to stop.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::validation::Validation;

/// Whether the training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It goes on.
    Continue,
    /// It writes a checkpoint and returns; `resume` continues it.
    Stop,
}

/// Something that watches a training.
pub trait Listener {
    /// Hears of an event; the answer counts after a step and is ignored elsewhere.
    fn hear(&mut self, event: Event<'_>) -> Signal;
}

/// Watches nothing.
pub struct Silent;

impl Listener for Silent {
    fn hear(&mut self, _event: Event<'_>) -> Signal {
        Signal::Continue
    }
}

/// What happens in a training.
#[derive(Debug)]
pub enum Event<'a> {
    /// The training begins, or goes on from `step`.
    Started {
        /// Optimizer steps done so far.
        step: usize,
        /// Optimizer steps in all.
        steps: usize,
        /// Lists to learn from.
        lists: usize,
        /// Trained numbers.
        parameters: usize,
    },
    /// An optimizer step is done.
    Step {
        /// What it came to.
        report: &'a StepReport,
        /// How fast it went.
        timing: Timing,
    },
    /// A validation is done.
    Validated {
        /// What it found.
        validation: &'a Validation,
        /// Whether it is the best so far.
        is_best: bool,
    },
    /// A checkpoint stands.
    Checkpoint(&'a Path),
    /// The student folder stands.
    Exported(&'a Path),
}

/// What one optimizer step came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its number, from 1.
    pub step: usize,
    /// The weighted sum of the losses.
    pub loss: f64,
    /// Mean of the pairwise loss over the passes that had one.
    pub pairwise: Option<f64>,
    /// Of the listwise loss.
    pub listwise: Option<f64>,
    /// Of the generation loss, nats per word.
    pub generation: Option<f64>,
    /// Of the evidence loss.
    pub evidence: Option<f64>,
    /// Norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// Factor of the learning rates.
    pub schedule: f64,
    /// What the similarity counts.
    pub similarity_weight: Option<f32>,
    /// Lists it learned from.
    pub lists: usize,
    /// Pieces it read in joint passes.
    pub tokens: usize,
}

/// How fast steps go; the only numbers here that a second run does not repeat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds since the training was started or resumed.
    pub seconds: f64,
    /// Pieces read in joint passes a second, in the last step.
    pub tokens_per_second: f64,
    /// Seconds that the remaining steps will take, validations not counted.
    pub seconds_left: f64,
}
