//! R@k: the share of all relevant documents that stands among the first k.

use crate::measures::parameters::{Cutoff, Level};
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "R";

/// Recall, in 0..=1: relevant documents among the first k, divided by the number of relevant
/// documents, retrieved or not. 0 where none is relevant.
pub(super) fn value(topic: &Topic, level: Level, cutoff: Cutoff) -> f64 {
    let n_relevant = topic.n_relevant(level);
    if n_relevant == 0 {
        return 0.0;
    }
    let found = topic.top(Some(cutoff)).iter().filter(|&&grade| level.reached_by(grade)).count();
    found as f64 / n_relevant as f64
}
