//! When a student may stop a document: behind some of its layers, by a score that is foreseen from the states there.

use serde::{Deserialize, Serialize};

/// Entries of a state that the exit head reads of each of three places: `[CLS]`, the mean of the query's pieces and the
/// mean of the document's.
pub const EXIT_PLACES: usize = 3;
/// Name of the exit head's weights in `exit_head.safetensors`, `[1, 3D]`.
pub const EXIT_WEIGHT: &str = "exit.weight";
/// Name of its bias, `[1]`.
pub const EXIT_BIAS: &str = "exit.bias";

/// How documents are stopped early, as `config.json` has it; the exit head's weights are in `exit_head.safetensors`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyConfig {
    /// Layers of the joint pass that every document goes through.
    pub layers: usize,
    /// Documents whose foreseen logit is so far below the N-th best are stopped.
    pub margin: f32,
    /// What that was measured to do.
    pub measured: EarlyMeasure,
}

/// What stopping does on held-out lists, for their best ten.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyMeasure {
    /// Held-out lists.
    pub lists: usize,
    /// Mean nDCG@10 less that of finishing every document: below 0 where it ranks worse.
    pub ndcg_at_10_difference: f64,
    /// Share of the documents that are finished.
    pub finished: f64,
    /// Share of the encoders' work that is done.
    pub work: f64,
}
