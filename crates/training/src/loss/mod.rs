//! What the student is trained on: the order, the distribution, the reasons and the evidence of its teacher.

pub mod evidence;
pub mod generation;
pub mod listwise;
pub mod pairwise;

use serde::{Deserialize, Serialize};

/// How much each loss counts, and the temperature of the teacher's distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of [`pairwise`].
    pub pairwise: f64,
    /// Weight of [`listwise`].
    pub listwise: f64,
    /// Weight of [`generation`].
    pub generation: f64,
    /// Weight of [`evidence`].
    pub evidence: f64,
    /// Targets are divided by it before [`listwise`] takes their softmax.
    pub temperature: f32,
}

impl Default for LossConfig {
    /// The weights of Reason-to-Rank (2410.05168); evidence is an addition.
    fn default() -> Self {
        Self { pairwise: 0.4, listwise: 0.4, generation: 0.2, evidence: 0.1, temperature: 1.0 }
    }
}
