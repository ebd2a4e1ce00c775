//! P@k: the share of relevant documents among the first k.

use crate::measures::parameters::{Cutoff, Level};
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "P";

/// Precision, in 0..=1: relevant documents among the first k, divided by k even where fewer were
/// retrieved.
pub(super) fn value(topic: &Topic, level: Level, cutoff: Cutoff) -> f64 {
    let found = topic.top(Some(cutoff)).iter().filter(|&&grade| level.reached_by(grade)).count();
    found as f64 / cutoff.get() as f64
}
