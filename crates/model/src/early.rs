//! When a student may stop a document: behind some of its layers, by a score that is foreseen from the states there.

use serde::{Deserialize, Serialize};

/// Entries of a state that an exit reads of each of three places: `[CLS]`, the mean of the query's pieces and the mean
/// of the document's. Behind them comes, where the student adds its base's similarity, what is guessed of that.
pub const EXIT_PLACES: usize = 3;
/// Name of a low-rank map from a document's embeddings to its vector, `[R, D]`.
pub const GUESS_DOWN: &str = "guess.down";
/// Name of its other factor, `[D, R]`.
pub const GUESS_UP: &str = "guess.up";
/// Name of its bias, `[D]`.
pub const GUESS_BIAS: &str = "guess.bias";

/// How documents are stopped early, as `config.json` has it; the weights are in `exit_head.safetensors`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyConfig {
    /// Layers in front of the first exit; behind every further layer there is one more.
    pub first_exit: usize,
    /// Documents whose foreseen logit is below the N-th best by so many standard deviations of what is foreseen there
    /// are stopped.
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

/// The last exit of a student, by the layers in front of it. A student that adds its base's similarity has one behind the
/// whole joint pass, in front of the pass through the base.
pub fn last_exit(n_layers: usize, with_similarity: bool) -> usize {
    if with_similarity { n_layers } else { n_layers - 1 }
}

/// Name of the weights of the exit behind some layers, `[3D]` or `[3D + 1]`.
pub fn exit_weight(layers: usize) -> String {
    format!("exit.{layers}.weight")
}

/// Name of its bias, `[1]`.
pub fn exit_bias(layers: usize) -> String {
    format!("exit.{layers}.bias")
}

/// Name of the standard deviation, within a list, of the true logits about what it foresees, `[1]`.
pub fn exit_deviation(layers: usize) -> String {
    format!("exit.{layers}.deviation")
}
