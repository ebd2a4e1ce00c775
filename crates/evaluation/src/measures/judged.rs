//! Judged@k: how much of the top people have looked at, and so how far other measures can be trusted.

use crate::measures::parameters::Cutoff;
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "Judged";

/// The share of documents with a judgment, of any grade, among the first k, in 0..=1.
///
/// Divided by the number of documents looked at, which is less than k where fewer were retrieved
/// (as in `ir_measures`). 0 where none was retrieved.
pub(super) fn value(topic: &Topic, cutoff: Cutoff) -> f64 {
    let top = topic.top(Some(cutoff));
    if top.is_empty() {
        return 0.0;
    }
    top.iter().flatten().count() as f64 / top.len() as f64
}
