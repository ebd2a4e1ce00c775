//! RR, RR@k: how soon the first relevant document comes.

use crate::measures::parameters::{Cutoff, Level};
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "RR";

/// Reciprocal rank (Kantor and Voorhees, 2000), in 0..=1; its mean over topics is known as MRR.
///
/// 1 / rank of the first relevant document; 0 where none stands within the cutoff.
pub(super) fn value(topic: &Topic, level: Level, cutoff: Option<Cutoff>) -> f64 {
    match topic.top(cutoff).iter().position(|&grade| level.reached_by(grade)) {
        Some(i) => 1.0 / (i + 1) as f64,
        None => 0.0,
    }
}
