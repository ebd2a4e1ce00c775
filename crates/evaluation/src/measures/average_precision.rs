//! AP, AP@k: precision at each relevant document, averaged over all there are.

use crate::measures::parameters::{Cutoff, Level};
use crate::topic::Topic;

/// The name before `@` and parameters.
pub(super) const NAME: &str = "AP";

/// Average precision (Harman, 1992), in 0..=1; its mean over topics is known as MAP.
///
/// Sum of precision at the rank of each relevant document within the cutoff, divided by the number
/// of relevant documents, retrieved or not. 0 where none is relevant.
pub(super) fn value(topic: &Topic, level: Level, cutoff: Option<Cutoff>) -> f64 {
    let n_relevant = topic.n_relevant(level);
    if n_relevant == 0 {
        return 0.0;
    }
    let mut found = 0;
    let mut sum = 0.0;
    for (i, &grade) in topic.top(cutoff).iter().enumerate() {
        if level.reached_by(grade) {
            found += 1;
            sum += f64::from(found) / (i + 1) as f64;
        }
    }
    sum / n_relevant as f64
}
