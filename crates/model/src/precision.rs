//! The number formats that a student's products can be computed in, and what each was measured to lose.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number format of products; sums, biases and everything between products are 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16: the exponent of f32 and 8 bits of precision.
    Bf16,
    /// 8-bit integers: one scale for each output of a weight matrix, one for each input row.
    Int8,
}

/// What a format loses against 32-bit floats, on held-out lists.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionLoss {
    /// Mean nDCG@10 (targets as linear gains) less that of 32-bit floats: below 0 where it ranks worse.
    pub ndcg_at_10_difference: f64,
    /// Kendall's tau of the two orders, mean over lists.
    pub kendall_tau: f64,
    /// The largest difference of two probabilities of one passage.
    pub largest_score_difference: f64,
}

/// Fewer lists do not tell that a loss is harmless.
const ENOUGH_LISTS: usize = 30;

/// The losses that were measured for a student.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredLosses {
    /// Held-out lists.
    pub lists: usize,
    /// Of bfloat16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bf16: Option<PrecisionLoss>,
    /// Of 8-bit integers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub int8: Option<PrecisionLoss>,
}

impl PrecisionLoss {
    /// The largest loss of nDCG@10 that is taken for none.
    pub const HARMLESS_NDCG: f64 = 0.001;
    /// The least agreement of two orders that are taken for the same.
    pub const HARMLESS_TAU: f64 = 0.95;

    /// Whether nobody will notice it: a format may only be chosen by itself where this holds.
    pub fn is_harmless(&self) -> bool {
        self.ndcg_at_10_difference >= -Self::HARMLESS_NDCG && self.kendall_tau >= Self::HARMLESS_TAU
    }
}

impl MeasuredLosses {
    /// Whether a format was measured on enough lists and found harmless; 32-bit floats always are.
    pub fn allows(&self, precision: Precision) -> bool {
        let found_harmless =
            |loss: Option<PrecisionLoss>| self.lists >= ENOUGH_LISTS && loss.is_some_and(|loss| loss.is_harmless());
        match precision {
            Precision::F32 => true,
            Precision::Bf16 => found_harmless(self.bf16),
            Precision::Int8 => found_harmless(self.int8),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_measured_and_loses_nothing_is_allowed() {
        let loss = |difference, tau| PrecisionLoss {
            ndcg_at_10_difference: difference,
            kendall_tau: tau,
            largest_score_difference: 0.01,
        };
        let losses = MeasuredLosses { lists: 30, bf16: Some(loss(0.002, 0.99)), int8: Some(loss(-0.002, 0.99)) };
        assert!(losses.allows(Precision::F32) && losses.allows(Precision::Bf16) && !losses.allows(Precision::Int8));
        assert!(!MeasuredLosses { lists: 29, ..losses }.allows(Precision::Bf16));
        assert!(!loss(0.0, 0.9).is_harmless());
        assert!(!MeasuredLosses::default().allows(Precision::Int8));
    }
}
